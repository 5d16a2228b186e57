/** The limits held against what is in view: value, edge, what is left, the light, and what its newest alert said. */

import { trusted } from "../board/marks";
import { h } from "../dom";
import { edges, floored, headroom, inUnits, percentage } from "../limit-facts";
import { grouped } from "../money";
import { retold } from "../problems";
import { type Cell, number, plain, table } from "../table";
import { clock } from "../time";
import { light } from "./panel";
import type { HeldLimit } from "./rows";
import { T, scopeName } from "./words";

export const LIMITS_MAX = 200;

export function counted(all: readonly HeldLimit[]): string {
  const of = (colour: string): number => all.filter((one) => one.light === colour).length;
  return T.counted(of("red"), of("amber"), all.length);
}

export function limitsTable(all: readonly HeldLimit[]): HTMLElement {
  return table(T.limits, T.limitHeads, all.slice(0, LIMITS_MAX).map(line));
}

function line(one: HeldLimit): Cell[] {
  const name = scopeName({ scope: one.scope, entity: one.entity, currency: one.currency, member: one.now?.row.member ?? null });
  return [plain(one.limit_id), plain(T.metrics[one.metric] ?? one.metric), plain(h("span", {}, name, " ", trusted("limits", one.scope === "group" ? "" : one.entity))), plain(light(one.light)), ...figures(one), plain(last(one))];
}

function figures({ now, open, metric }: HeldLimit): Cell[] {
  if (now) {
    const { ratio_pct } = now.row;
    const { minimum_pct, maximum_pct, headroom_pct } = now.state;
    const bounds = [minimum_pct === null ? "" : `≥ ${percentage(minimum_pct)}`, maximum_pct === null ? "" : `≤ ${percentage(maximum_pct)}`];
    return [
      number(ratio_pct === null ? "–" : percentage(ratio_pct)),
      number(bounds.filter(Boolean).join(", ")),
      number(headroom_pct === null ? "–" : `${headroom_pct.startsWith("-") || floored(headroom_pct) === "0.00" ? "" : "+"}${percentage(headroom_pct)}`),
    ];
  }
  if (!open) return [number("–"), number("–"), number("–")];
  return [number(inUnits(metric, open.value)), number(edges(metric, open.minimum, open.maximum)), number(headroom({ minimum: open.minimum ?? null, maximum: open.maximum ?? null, headroom: open.headroom ?? null }))];
}

function last({ alert, open }: HeldLimit): Node | string {
  const reason = alert?.reason ?? open?.reason;
  if (reason === undefined) return T.never;
  const told = retold(reason);
  const way = alert ? `${T.ways[alert.kind] ?? alert.kind} ${clock(alert.event_time, "")}` : "";
  return h("span", { title: told }, way || told);
}

/** A value and its edge of a case, which keeps them as shares and amounts without unit. */
export const caseValue = (metric: string, text: string): string => {
  try {
    return inUnits(metric, text);
  } catch {
    return grouped(text);
  }
};
