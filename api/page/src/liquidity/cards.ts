/** A card for each scope: LCR and NSFR with the light of their limits and what is left to the nearest of them. */

import { trusted } from "../board/marks";
import { h } from "../dom";
import { percentage } from "../limit-facts";
import { compareText, grouped } from "../money";
import type { Offsets } from "../wire";
import type { RatioRow } from "./api";
import { light } from "./panel";
import { type ScopeRows, lightOf } from "./rows";
import { T, scopeName } from "./words";

export const CARDS_MAX = 48;

export const nameOf = ({ kind, entity, member, currency }: ScopeRows): string => scopeName({ scope: kind, entity, member, currency });

/** As `/trust` names it: the ratio of one currency needs no exchange rates, any other does. */
export const figureOf = (row: Pick<RatioRow, "figure" | "scope">): string => (row.scope === "currency" ? row.figure : `consolidated-${row.figure}`);

/** @param offsets the cut that the ratios stand at */
export function cards(scopes: readonly ScopeRows[], chosen: string | null, choose: (key: string) => void, offsets: Offsets): HTMLElement {
  return h("ul", { class: "liq-cards" }, ...scopes.slice(0, CARDS_MAX).map((one) => h("li", {}, card(one, one.key === chosen, choose, offsets))));
}

function card(one: ScopeRows, isChosen: boolean, choose: (key: string) => void, offsets: Offsets): HTMLElement {
  const name = nameOf(one);
  const button = h(
    "button",
    { type: "button", class: "liq-pick", id: `liq-card-${one.key}`, "aria-pressed": String(isChosen), title: T.show(name), onclick: () => choose(one.key) },
    h("b", {}, name),
    h("span", { class: "quiet" }, one.kind === "currency" ? T.kind["currency"] : `${T.kind[one.kind] ?? one.kind} · ${T.allCurrencies(one.currency)}`),
  );
  return h("div", { class: "liq-card", "data-scope": one.key }, button, figure("lcr", one.lcr, offsets), figure("nsfr", one.nsfr, offsets));
}

function figure(name: "lcr" | "nsfr", row: RatioRow | null, offsets: Offsets): HTMLElement {
  const title = T.metrics[name] ?? name;
  if (row === null || row.ratio_pct === null) return h("div", { class: "liq-figure", "data-figure": name }, h("span", {}, title), h("b", { class: "quiet" }, "–"), h("span", { class: "quiet" }, row?.reason ?? T.notComputable));
  const least = nearest(row);
  const about = row.limits.length === 0 ? T.noLimit : least === null ? "" : T.headroom(`${least.startsWith("-") ? "" : "+"}${percentage(least)}`);
  const unmapped = /^-?[0.]*$/.test(row.unmapped) ? null : h("span", { class: "warning" }, `⚠ ${T.unmapped(grouped(row.unmapped))}`);
  return h(
    "div",
    { class: `liq-figure ${lightOf(row) ?? ""}`, "data-figure": name },
    h("span", {}, title),
    h("b", { "data-exact": row.ratio_pct }, percentage(row.ratio_pct)),
    light(lightOf(row)),
    trusted(figureOf(row), row.scope === "group" ? "" : row.entity, offsets),
    h("span", { class: "quiet" }, about),
    unmapped,
  );
}

/** The least headroom of a row's limits, per cent of the limit; null: none has one. */
function nearest(row: RatioRow): string | null {
  const rooms = row.limits.flatMap(({ headroom_pct }) => headroom_pct ?? []);
  return rooms.sort(compareText)[0] ?? null;
}
