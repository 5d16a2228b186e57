/** The trust mark of a number: a sign and a word, and on pointing at it what the figure stands on. */

import { h, setText } from "../dom";
import { total } from "../offsets";
import { age, clock, count } from "../time";
import type { Offsets } from "../wire";
import { SIGNS, type Standing, type TrustSource } from "./trust";
import { T, language } from "./words";

/** "entries/BANK/core: nothing heard for too long (12 s)". */
export function because(source: TrustSource): string {
  const why = source.reasons.map((reason) => T.reasons[reason] ?? reason).join(", ");
  const silent = source.reasons.some((reason) => reason === "silent" || reason === "late");
  return `${source.source}: ${why}${silent ? ` (${age(source.silence_s * 1000)})` : ""}`;
}

/** As-of cut, freshness, completeness: all that stands behind a figure, in words. */
export function explained(standing: Standing, offsets: Offsets, lastEvent: string | null | undefined): string {
  const letters = standing.sources.reduce((sum, source) => sum + source.dead_letters, 0);
  const missing = standing.sources.reduce((sum, source) => sum + source.missing_numbers, 0);
  return [
    T.standsOn(T.trust[standing.state], standing.sources.map(because).join("; ")),
    T.asOfCut(count(total(offsets))) + (lastEvent ? `${language === "zh" ? "，" : ", "}${T.lastEntry(clock(lastEvent))}` : ""),
    letters + missing > 0 ? T.incomplete(letters, missing) : T.complete,
  ].join(language === "zh" ? "。" : ". ");
}

export class Mark {
  private readonly sign = h("span", { "aria-hidden": "true" });
  private readonly text = h("span", { class: "trust-word" });
  readonly element = h("span", { class: "trust" }, this.sign, " ", this.text);

  set(standing: Standing, told: string): void {
    setText(this.sign, SIGNS[standing.state]);
    setText(this.text, T.trust[standing.state]);
    if (this.element.dataset["trust"] !== standing.state) this.element.dataset["trust"] = standing.state;
    if (this.element.title !== told) this.element.title = told;
  }
}
