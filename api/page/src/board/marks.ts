/** The trust mark of a number: a sign and a word, and on pointing at it what the figure stands on. */

import { h, setHidden, setText } from "../dom";
import { live } from "../live";
import { total } from "../offsets";
import { age, clock, count } from "../time";
import type { Offsets } from "../wire";
import { SIGNS, type Standing, type TrustSource } from "./trust";
import { onWords } from "../words";
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

/** What a mark is of, for those that follow the news by themselves. */
const followed = new WeakMap<Element, { readonly mark: Mark; readonly figure: string; readonly entity: string; readonly offsets: Offsets | undefined }>();

/**
 * A mark beside a figure that is drawn once: it follows the state of its sources as long as it stands in the page.
 *
 * @param figure as `GET /trust` names it
 * @param entity empty: over all that the reader may see
 * @param offsets the figure's own cut; without it the one that the page stands at
 */
export function trusted(figure: string, entity = "", offsets?: Offsets): HTMLElement {
  const mark = new Mark();
  const { element } = mark;
  element.dataset["figure"] = figure;
  element.dataset["trustOf"] = entity;
  followed.set(element, { mark, figure, entity, offsets });
  follow(element);
  return element;
}

function follow(element: HTMLElement): void {
  const one = followed.get(element);
  if (one === undefined) return;
  setHidden(element, live.trust.told === null); // nothing was told yet
  const standing = live.trust.of(one.figure, one.entity);
  one.mark.set(standing, explained(standing, one.offsets ?? live.store.meta?.offsets ?? {}, live.store.meta?.last_event_time));
}

const followAll = (): void => document.querySelectorAll<HTMLElement>("[data-trust-of]").forEach(follow);
live.trust.onNews(followAll);
onWords(followAll);

/** A line about figures, and their mark after it; touched only when it says something else. */
export function describe(line: HTMLElement, text: string, figure: string, entity = "", offsets?: Offsets): void {
  setText(line, text);
  const after = line.nextElementSibling;
  const held = after instanceof HTMLElement && followed.has(after) ? after : null;
  const one = held && followed.get(held);
  if (held && one && text !== "" && one.figure === figure && one.entity === entity) {
    followed.set(held, { ...one, offsets });
    return follow(held);
  }
  held?.remove();
  if (text !== "") line.after(trusted(figure, entity, offsets));
}
