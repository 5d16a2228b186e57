/** Where each yuan of a claim is: its buckets, the memo claim after a write-off, and what has left it. */

import { text } from "../calculations/api";
import { h } from "../dom";
import { add, compareText, format, grouped, negate, parse, toPixels } from "../money";
import type { AssetView, Place, State } from "./api";
import { BUCKETS } from "./list";
import { T, word } from "./words";

export interface Part {
  readonly group: "claim" | "memo" | "gone";
  readonly name: string;
  readonly title: string;
  readonly amount: string;
}

const above = (parts: readonly Part[]): Part[] => parts.filter(({ amount }) => compareText(amount, "0") > 0);

/** Where money can be that is in no bucket any more. What was written off went on into the memo claim. */
const GONE = ["cash", "in_kind", "capitalised", "waived", "transferred", "no_recourse"];
const CAME = ["opening", "accrued", "advanced"];

/** The parts above zero, in the order of the bar; together they are all that ever came to the claim (7.4). */
export function partsOf(view: AssetView): Part[] {
  const { claim_places, memo_places } = view;
  const left = (group: "claim" | "memo", places: readonly Place[]): Part[] =>
    places.map(({ bucket, left: amount }) => ({ group, name: bucket, title: word(bucket), amount }));
  const both = [...claim_places, ...memo_places];
  const gone = GONE.map((name): Part => {
    const taken = both.map(({ went }) => went[name] ?? "0.00");
    // A recovery that was taken back after the write-off is in the memo claim again.
    const restored = name === "cash" ? memo_places.map(({ came }) => format(negate(parse(came["restored"] ?? "0.00")))) : [];
    return { group: "gone", name, title: T.gone[name] ?? name, amount: total([...taken, ...restored]) };
  });
  return above([...left("claim", claim_places), ...left("memo", memo_places), ...gone]);
}

/** What came to the claim from the beginning: opening, accrued, advanced; cost advanced after a write-off too. */
export function cameOf(view: AssetView): Part[] {
  const sums = CAME.map((name) => {
    const own = view.claim_places.map(({ came }) => came[name] ?? "0.00");
    const memo = name === "advanced" ? view.memo_places.map(({ came }) => came[name] ?? "0.00") : [];
    return { group: "gone" as const, name, title: T.came[name] ?? name, amount: total([...own, ...memo]) };
  });
  return above(sums);
}

/** What the loan says of itself, where the server keeps no work lists. */
export function partsOfLoan(loan: State): Part[] {
  const part = (group: Part["group"], name: string, title: string, value: unknown): Part => ({ group, name, title, amount: typeof value === "string" ? value : "0" });
  const memo = (loan["memo"] ?? {}) as State;
  return above([
    ...BUCKETS.map((bucket) => part("claim", bucket, word(bucket), loan[bucket])),
    ...BUCKETS.map((bucket) => part("memo", bucket, word(bucket), memo[bucket])),
    part("gone", "cash", T.gone["cash"] ?? "", loan["rec_cash"]),
    part("gone", "in_kind", T.gone["in_kind"] ?? "", loan["rec_kind"]),
    part("gone", "waived", T.gone["waived"] ?? "", loan["waived"]),
  ]);
}

export function total(amounts: readonly string[]): string {
  return amounts.length === 0 ? "0.00" : format(amounts.map(parse).reduce(add));
}

export function claimPanel(loan: State, view: AssetView | null): HTMLElement {
  const parts = view === null ? partsOfLoan(loan) : partsOf(view);
  const came = view === null ? [] : cameOf(view);
  const ccy = text(loan["ccy"]);
  const all = total(parts.map(({ amount }) => amount));
  const bar = h("div", { class: "desk-bar", "aria-hidden": "true" }); // the table below says the same
  for (const { group, name, title, amount } of parts) {
    const segment = h("span", { "data-group": group, "data-part": name, title: `${title} ${ccy} ${grouped(amount)}` });
    segment.style.flexGrow = String(toPixels(amount));
    bar.append(segment);
  }
  const groups = (["claim", "memo", "gone"] as const).flatMap((group) => {
    const own = parts.filter((part) => part.group === group);
    if (own.length === 0) return [];
    const head = h("tr", { class: "desk-group" }, h("th", { scope: "rowgroup" }, T.claimGroups[group] ?? group), h("td", { class: "number", "data-sum": group }, grouped(total(own.map(({ amount }) => amount)))));
    const lines = own.map(({ name, title, amount }) =>
      h("tr", {}, h("th", { scope: "row" }, h("span", { class: "desk-swatch", "data-group": group, "data-part": name, "aria-hidden": "true" }), title), h("td", { class: "number" }, grouped(amount))),
    );
    return [h("tbody", {}, head, ...lines)];
  });
  return h(
    "section",
    { class: "panel desk-claim", "aria-labelledby": "desk-claim-title" },
    h("header", {}, h("h3", { id: "desk-claim-title" }, T.claimTitle), h("span", { class: "quiet" }, T.claimAbout)),
    bar,
    h(
      "table",
      { class: "figures" },
      h("caption", { class: "visually-hidden" }, T.claimTitle),
      ...groups,
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, `${T.sum} ${ccy}`), h("td", { class: "number", "data-sum": "all" }, grouped(all)))),
    ),
    came.length > 0 &&
      h(
        "p",
        { class: "desk-came quiet", "data-came": total(came.map(({ amount }) => amount)) },
        `${T.cameFrom} ${came.map(({ title, amount }) => `${title} ${grouped(amount)}`).join(" + ")} = ${grouped(total(came.map(({ amount }) => amount)))}`,
      ),
  );
}
