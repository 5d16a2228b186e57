/**
 * A button over each column of the gap chart, for keyboards and screen readers: a canvas has nothing to focus.
 *
 * The buttons let the pointer through, so that the chart keeps its tooltip; a click on the chart is the chart's own.
 * One of them is in the order of tabs; arrows, Home and End go to the others, as in any toolbar.
 */

import { label } from "./buckets";
import { h } from "./dom";
import { grouped } from "./money";
import type { GapRow } from "./wire";
import { T } from "./words";

export interface Span {
  readonly left: number;
  readonly width: number;
}

export class GapBars {
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private at = 0;

  constructor(
    private readonly box: HTMLElement,
    private readonly onOpen: (bucket: string) => void,
    private readonly onFocus: (index: number) => void,
  ) {
    box.addEventListener("keydown", (event) => this.move(event));
  }

  /** Puts a button over the column of each row; `columns` are in pixels of the box. */
  place(rows: readonly GapRow[], columns: readonly Span[]): void {
    if ([...this.buttons.keys()].join() !== rows.map((row) => row.bucket).join()) this.build(rows);
    rows.forEach((row, index) => {
      const button = this.buttons.get(row.bucket);
      const span = columns[index];
      if (!button || !span) return;
      const name = T.bar(label(row.bucket), grouped(row.gap), row.currency);
      if (button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
      button.style.left = `${span.left}px`;
      button.style.width = `${span.width}px`;
    });
  }

  private build(rows: readonly GapRow[]): void {
    this.buttons.clear();
    this.at = Math.min(this.at, Math.max(0, rows.length - 1));
    rows.forEach(({ bucket }, index) => {
      const button = h("button", {
        type: "button",
        tabindex: index === this.at ? 0 : -1,
        "data-bucket": bucket,
        onclick: () => this.onOpen(bucket),
        onfocus: () => this.onFocus(index),
      });
      this.buttons.set(bucket, button);
    });
    this.box.replaceChildren(...this.buttons.values());
  }

  private move(event: KeyboardEvent): void {
    const all = [...this.buttons.values()];
    const last = all.length - 1;
    const to = { ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: last }[event.key];
    if (to === undefined || to < 0 || to > last) return;
    event.preventDefault();
    all[this.at]?.setAttribute("tabindex", "-1");
    all[to]?.setAttribute("tabindex", "0");
    this.at = to;
    all[to]?.focus();
  }
}
