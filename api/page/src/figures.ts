/** One table row of money figures that is patched in place. Knows nothing of where its figures come from. */

import { h, setText } from "./dom";
import { compareText, grouped, shown } from "./money";
import type { PositionRow } from "./wire";
import { T } from "./words";

export const FIGURES = ["position", "pending_in", "pending_out", "reserved", "projected_eod"] as const;
export type Figure = (typeof FIGURES)[number];

/** A number cell: sign and whole part end at one line, the fraction starts there, so that points are aligned. */
export class NumberCell {
  readonly element: HTMLTableCellElement;
  private readonly whole = document.createTextNode("");
  private readonly fraction = h("span", { class: "fraction" });
  private exact: string | null = null;

  constructor(name: string) {
    this.element = h("td", { class: `number ${name.replace("_", "-")}` });
    this.element.append(this.whole, this.fraction);
  }

  /** Shows `text`; says how it moved against what was shown before. */
  set(text: string | null | undefined): "up" | "down" | null {
    const next = text ?? "";
    if (next === this.exact) return null;
    const before = this.exact;
    this.exact = next;
    if (next === "") {
      this.whole.data = "";
      setText(this.fraction, "");
      return null;
    }
    const parts = shown(next);
    this.whole.data = parts.sign + parts.whole;
    setText(this.fraction, parts.fraction);
    this.element.dataset["exact"] = next;
    this.element.classList.toggle("negative", parts.sign !== "");
    this.element.classList.toggle("zero", /^[0.]*$/.test(next));
    if (before === null || before === "") return null;
    return compareText(next, before) > 0 ? "up" : "down";
  }
}

const FLASH_MS = 500;

/** Marks changed cells for half a second; one timer for all of them, since there may be a thousand. */
class Flashes {
  private readonly until = new Map<HTMLElement, number>();
  private timer = 0;

  mark(element: HTMLElement, direction: "up" | "down"): void {
    element.dataset["flash"] = direction;
    this.until.set(element, performance.now() + FLASH_MS);
    if (this.timer === 0) this.timer = window.setInterval(() => this.sweep(), 150);
  }

  private sweep(): void {
    const now = performance.now();
    for (const [element, until] of this.until) {
      if (until > now) continue;
      delete element.dataset["flash"];
      this.until.delete(element);
    }
    if (this.until.size > 0) return;
    clearInterval(this.timer);
    this.timer = 0;
  }
}

export const flashes = new Flashes();

/** The figures that a change is marked on: the two results, lest the whole table flicker. */
const MARKED: ReadonlySet<Figure> = new Set(["position", "projected_eod"]);

/** A row of the positions table: a name that opens what is behind it, the currency, five figures. */
export class FigureRow {
  readonly element: HTMLTableRowElement;
  /** null on the last level, which has nothing behind it. */
  readonly button: HTMLButtonElement | null;
  private readonly currency: HTMLTableCellElement;
  private readonly cells = new Map<Figure, NumberCell>();
  /** What stands between the two results, in words: shown below an opened row where the screen is narrow. */
  readonly parts: HTMLTableRowElement;
  private readonly partsText = h("td", { colspan: FIGURES.length + 2 });

  constructor(name: string, currency: string, level: 0 | 1 | 2, onOpen: (() => void) | null) {
    this.button = onOpen
      ? h("button", { class: "opener", type: "button", "aria-expanded": "false", title: name }, name)
      : null;
    const head = h("th", { scope: "row", class: "name" }, this.button ?? h("span", { class: "leaf", title: name }, name));
    this.currency = h("td", { class: "currency" }, currency);
    this.element = h("tr", { class: `level-${level}` }, head, this.currency);
    for (const figure of FIGURES) {
      const cell = new NumberCell(figure);
      this.cells.set(figure, cell);
      this.element.append(cell.element);
    }
    this.parts = h("tr", { class: `note parts level-${level}` }, this.partsText);
    if (onOpen) this.element.addEventListener("click", onOpen);
  }

  /** @param mark whether to show that a figure moved; of no use where nobody sees it */
  set(row: PositionRow, mark = true): void {
    setText(this.currency, row.currency);
    for (const [figure, cell] of this.cells) {
      const moved = cell.set(row[figure]);
      if (mark && moved && MARKED.has(figure)) flashes.mark(cell.element, moved);
    }
  }

  /** Kept up only while it may be seen. */
  describe(row: PositionRow): void {
    const text = (name: Figure): string => (row[name] ? grouped(row[name]) : "–");
    setText(this.partsText, T.parts(text("pending_in"), text("pending_out"), text("reserved")));
  }

  setOpen(open: boolean): void {
    const value = String(open);
    if (this.button && this.button.getAttribute("aria-expanded") !== value) {
      this.button.setAttribute("aria-expanded", value);
    }
  }

  setSelected(selected: boolean): void {
    if (this.element.classList.toggle("selected", selected)) this.element.setAttribute("aria-current", "true");
    else this.element.removeAttribute("aria-current");
  }
}
