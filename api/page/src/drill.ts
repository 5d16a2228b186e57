/**
 * What is behind one row of the positions table: its organisations, and behind each of these its accounts.
 *
 * Fetched when opened and again while open. Account figures come from the newest snapshots, so they may be a second
 * behind the row above; organisations include on-us legs, which the entity's total leaves out (decision S22).
 */

import { h } from "./dom";
import { FIGURES, FigureRow } from "./figures";
import { said } from "./problems";
import type { Scope } from "./store";
import { type PositionRow, type Positions, Problem, type Query, get } from "./wire";
import { T } from "./words";

const PAGE_ROWS = 50;
const COLUMNS = FIGURES.length + 2;

const byName = new Intl.Collator("en", { numeric: true });

/** One level of rows under a parent, in the order of their names. */
class Level {
  private readonly rows = new Map<string, FigureRow>();
  private readonly inner = new Map<string, Level>();
  private names: string[] = [];
  private shown_max = PAGE_ROWS;
  private readonly note: HTMLTableRowElement;
  private readonly more: HTMLButtonElement;
  private readonly text = h("span", {}, T.loading);
  private busy = false;

  /**
   * @param dimension what a row of this level is: an organisation or an account
   * @param onChange called when rows came, went, opened or closed
   */
  constructor(
    private readonly dimension: "organisation" | "account",
    private readonly query: Query,
    private readonly onChange: () => void,
  ) {
    this.more = h("button", { class: "plain", type: "button", hidden: true, onclick: () => this.showMore() }, T.more);
    const cell = h("td", { colspan: COLUMNS, class: "note" }, this.text, " ", this.more);
    this.note = h("tr", { class: `note level-${this.depth}` }, cell);
    this.refresh();
  }

  private get depth(): 1 | 2 {
    return this.dimension === "organisation" ? 1 : 2;
  }

  elements(): HTMLTableRowElement[] {
    const all: HTMLTableRowElement[] = [];
    for (const name of this.names.slice(0, this.shown_max)) {
      const row = this.rows.get(name);
      if (row) all.push(row.element);
      const inner = this.inner.get(name);
      if (inner) all.push(...inner.elements());
    }
    all.push(this.note);
    return all;
  }

  refresh(): void {
    for (const inner of this.inner.values()) inner.refresh();
    if (this.busy) return;
    this.busy = true;
    const by = ["entity", "organisation", "currency", ...(this.dimension === "account" ? ["account"] : [])].join(",");
    get<Positions>("/positions", { ...this.query, by })
      .then((answer) => this.take(answer.rows))
      .catch((error: unknown) => {
        this.text.textContent = error instanceof Problem ? T.failed(said(error)) : String(error);
      })
      .finally(() => {
        this.busy = false;
        this.onChange();
      });
  }

  private take(rows: readonly PositionRow[]): void {
    const organisation = this.query["organisation"];
    // The server may answer for all organisations; only ours belong under this row.
    const ours = rows.filter((row) => organisation === undefined || row.organisation === organisation);
    const found = new Map(ours.map((row) => [row[this.dimension] ?? "-", row]));
    for (const name of this.rows.keys()) if (!found.has(name)) this.rows.delete(name);
    this.names = [...found.keys()].sort(byName.compare);
    for (const [name, figures] of found) this.rowOf(name, figures.currency).set(figures);
    this.describe();
  }

  private rowOf(name: string, currency: string): FigureRow {
    let row = this.rows.get(name);
    if (!row) {
      const open = this.dimension === "organisation" ? () => this.toggle(name) : null;
      row = new FigureRow(name === "-" ? T.none[this.dimension] : name, currency, this.depth, open);
      this.rows.set(name, row);
    }
    return row;
  }

  private toggle(name: string): void {
    if (!this.inner.delete(name)) {
      this.inner.set(name, new Level("account", { ...this.query, organisation: name }, this.onChange));
    }
    this.rows.get(name)?.setOpen(this.inner.has(name));
    this.onChange();
  }

  describe(): void {
    for (const inner of this.inner.values()) inner.describe();
    const hidden = Math.max(0, this.names.length - this.shown_max);
    this.more.textContent = T.more;
    this.text.textContent = this.names.length === 0 ? T.behindNone[this.dimension] : T.behind[this.dimension](this.names.length, hidden);
    this.more.hidden = hidden === 0;
  }

  private showMore(): void {
    this.shown_max += PAGE_ROWS * 4;
    this.describe();
    this.onChange();
  }
}

export class Drill {
  private readonly level: Level;
  private readonly timer: number;

  constructor({ entity, currency }: Scope, onChange: () => void) {
    this.level = new Level("organisation", { entity, currency }, onChange);
    this.timer = window.setInterval(() => {
      if (document.visibilityState === "visible") this.level.refresh();
    }, 3_000);
  }

  elements(): HTMLTableRowElement[] {
    return this.level.elements();
  }

  /** In the present language. */
  describe(): void {
    this.level.describe();
  }

  close(): void {
    clearInterval(this.timer);
  }
}
