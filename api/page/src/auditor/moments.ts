/** Two sliders over days: as of when a fact counts, and what was known of it by the end of a day. */

import { h } from "../dom";
import { longDay } from "../time";
import { labelled } from "./pane";
import { T } from "./words";

const DAY_MS = 86_400_000;

export const today = (now = new Date()): string => now.toISOString().slice(0, 10);
const numberOf = (day: string): number => Math.round(Date.parse(`${day}T00:00:00Z`) / DAY_MS);
const dayOf = (number: number): string => new Date(number * DAY_MS).toISOString().slice(0, 10);

/** One day on a slider, with its date beside it; at the right end it is "now", and the date is empty. */
export class DaySlider {
  readonly element: HTMLElement;
  private readonly range: HTMLInputElement;
  private readonly date: HTMLInputElement;
  private readonly now: HTMLButtonElement;

  constructor(
    id: string,
    title: string,
    private readonly moved: () => void,
  ) {
    this.range = h("input", { type: "range", id: `aud-${id}`, step: 1, "aria-label": title });
    this.date = h("input", { type: "date", id: `aud-${id}-date`, "aria-label": `${title}, ${T.date}` });
    this.now = h("button", { type: "button", class: "plain", id: `aud-${id}-now`, onclick: () => this.choose("") }, T.now);
    this.range.addEventListener("input", () => this.say());
    this.range.addEventListener("change", () => this.choose(this.isAtEnd ? "" : dayOf(Number(this.range.value))));
    this.date.addEventListener("change", () => this.choose(this.date.value));
    this.element = h("div", { class: "aud-slider" }, labelled(title, this.date), this.range, this.now);
  }

  /** "" is now. */
  get value(): string {
    return this.element.dataset["day"] ?? "";
  }

  set(day: string, first: string): void {
    const last = today();
    this.element.dataset["day"] = day;
    const earliest = [first, last, ...(day === "" ? [] : [day])].sort()[0] ?? last;
    this.range.min = String(numberOf(earliest) - 1); // the day before anything
    this.range.max = String(numberOf(last) + 1);
    this.range.value = day === "" ? this.range.max : String(numberOf(day));
    this.say();
  }

  private get isAtEnd(): boolean {
    return this.range.value === this.range.max;
  }

  private say(): void {
    const day = this.isAtEnd ? "" : dayOf(Number(this.range.value));
    this.date.value = day; // while it is dragged too
    this.range.setAttribute("aria-valuetext", day === "" ? T.now : longDay(day));
    this.now.setAttribute("aria-pressed", String(day === ""));
  }

  private choose(day: string): void {
    this.element.dataset["day"] = day;
    this.moved();
  }
}
