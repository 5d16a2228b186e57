/** The positions table: one row per entity and currency, patched in place, sortable, each row opens its drill. */

import { arrange, byId, h, onFrame, setText } from "./dom";
import { explained } from "./board/marks";
import { Drill } from "./drill";
import { FIGURES, type Figure, FigureRow } from "./figures";
import { live } from "./live";
import { compare, parse } from "./money";
import { roomOf } from "./rooms";
import { type Store, cellKey } from "./store";
import { longDay } from "./time";
import type { PositionRow } from "./wire";
import { T, onWords } from "./words";

type Column = "entity" | "currency" | Figure;

const COLUMNS: readonly Column[] = ["entity", "currency", ...FIGURES];

const RESORT_MS = 1_000;
const BACKLOG_ROWS = 20;
const BACKLOG_MS = 150;

export class PositionsTable {
  private readonly body = h("tbody");
  private readonly caption = h("caption", { class: "visually-hidden" });
  private readonly rows = new Map<string, FigureRow>();
  private readonly drills = new Map<string, Drill>();
  private readonly heads = new Map<Column, HTMLTableCellElement>();
  private sort: { column: Column; descending: boolean } = { column: "entity", descending: false };
  private keys: string[] = [];
  private sorted_ms = 0;
  private sortAgain = true;
  private readonly seen = new Set<Element>();
  private readonly backlog = new Set<string>();
  private backlogTimer = 0;
  private readonly sight = new IntersectionObserver((entries) => this.watch(entries));
  private readonly draw = onFrame(() => this.render());

  constructor(
    private readonly store: Store,
    private readonly wrap: HTMLElement,
  ) {
    const head = h("tr");
    for (const column of COLUMNS) {
      const button = h("button", { type: "button", class: "sorter", onclick: () => this.sortBy(column) });
      const cell = h("th", { scope: "col", class: FIGURES.includes(column as Figure) ? "number" : column }, button);
      cell.classList.add(column.replace("_", "-"));
      this.heads.set(column, cell);
      head.append(cell);
    }
    wrap.append(h("table", { class: "figures", id: "positions-table" }, this.caption, h("thead", {}, head), this.body));
    this.name();
    onWords(() => this.translate());
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.markSort();
    addEventListener("beforeprint", () => this.workOff(Infinity));
    addEventListener("hashchange", this.draw);
    store.on(["positions"], this.draw);
    live.trust.onNews(() => {
      for (const [key, line] of this.rows) this.mark(store.positions.get(key)?.entity ?? "", line);
    });
    store.on(["scope"], () => {
      this.sortAgain = true;
      this.draw();
    });
  }

  private name(): void {
    setText(this.caption, T.positionsCaption);
    for (const [column, cell] of this.heads) {
      const button = cell.firstElementChild as HTMLElement;
      setText(button, T.columns[column]);
      button.title = T.meanings[column];
    }
  }

  /** Names anew what was named before; the figures are the same in every language. */
  private translate(): void {
    this.name();
    for (const drill of this.drills.values()) drill.describe();
    for (const [key, line] of this.rows) {
      delete line.element.dataset["trust"];
      this.mark(this.store.positions.get(key)?.entity ?? "", line);
      const row = this.store.positions.get(key);
      if (row && this.drills.has(key)) line.describe(row);
    }
    this.draw();
  }

  private render(): void {
    if (roomOf(location.hash) !== "live") return; // drawn when the reader comes back
    const rows = this.store.inView();
    const present = new Set(rows.map(cellKey));
    for (const key of this.rows.keys()) {
      if (this.store.positions.has(key)) continue;
      this.forget(key);
      this.close(key);
    }
    for (const row of rows) this.offer(row);
    this.workOff();
    const scope = this.store.scope;
    for (const [key, row] of this.rows) row.setSelected(scope !== null && key === cellKey(scope));
    const changed = this.keys.length !== present.size || this.keys.some((key) => !present.has(key));
    if (changed || this.sortAgain || this.mayReorder()) this.reorder(rows);
    this.describe(rows);
  }

  /** Writes a row that can be seen; any other is written within a second. Patching 200 rows ten times a second costs
   *  some 60 ms of layout and paint each time, for rows that nobody looks at. */
  private offer(row: PositionRow): void {
    const key = cellKey(row);
    const known = this.rows.get(key);
    if (!known || this.seen.has(known.element)) this.write(row);
    else this.backlog.add(key);
  }

  private write(row: PositionRow): void {
    const line = this.rowOf(row);
    line.set(row, this.seen.has(line.element));
    this.mark(row.entity, line);
    if (this.drills.has(cellKey(row))) line.describe(row);
    this.backlog.delete(cellKey(row));
  }

  /** Every number of the row carries the trust in its entity's sources; pointing at it tells why. */
  private mark(entity: string, { element }: FigureRow): void {
    const standing = live.trust.of("positions", entity);
    if (live.trust.told === null || element.dataset["trust"] === standing.state) return;
    element.dataset["trust"] = standing.state;
    element.title = explained(standing, this.store.meta?.offsets ?? {}, this.store.meta?.last_event_time);
  }

  /** Some of the rows that wait, in a frame that is drawn anyway, or else soon: each frame of its own costs a paint. */
  private workOff(rows_max = BACKLOG_ROWS): void {
    let left = rows_max;
    for (const key of this.backlog) {
      if (left-- === 0) break;
      const row = this.store.positions.get(key);
      if (row) this.write(row);
      this.backlog.delete(key);
    }
    clearTimeout(this.backlogTimer);
    if (this.backlog.size > 0) this.backlogTimer = window.setTimeout(() => this.workOff(), BACKLOG_MS);
  }

  private watch(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) this.seen.delete(target);
      else {
        this.seen.add(target);
        const row = this.store.positions.get((target as HTMLElement).dataset["key"] ?? "");
        if (row) this.write(row);
      }
    }
  }

  /** Rows sorted by a moving figure change places at most once a second, and never under the pointer. */
  private mayReorder(): boolean {
    if (this.sort.column === "entity" || this.sort.column === "currency") return false;
    if (performance.now() - this.sorted_ms < RESORT_MS) return false;
    return !this.body.matches(":hover, :focus-within");
  }

  private reorder(rows: readonly PositionRow[]): void {
    this.sorted_ms = performance.now();
    this.sortAgain = false;
    const { column, descending } = this.sort;
    const sign = descending ? -1 : 1;
    if (column === "entity") this.keys = (descending ? [...rows].reverse() : rows).map(cellKey);
    else if (column === "currency") {
      this.keys = [...rows].sort((a, b) => sign * (a.currency < b.currency ? -1 : a.currency > b.currency ? 1 : 0)).map(cellKey);
    } else {
      const valued = rows.map((row) => ({ key: cellKey(row), value: parse(row[column] ?? "0") }));
      this.keys = valued.sort((a, b) => sign * compare(a.value, b.value)).map(({ key }) => key);
    }
    this.place();
  }

  private place(): void {
    const elements: HTMLTableRowElement[] = [];
    for (const key of this.keys) {
      const row = this.rows.get(key);
      const drill = this.drills.get(key);
      if (row) elements.push(row.element, ...(drill ? [row.parts, ...drill.elements()] : []));
    }
    arrange(this.body, elements);
  }

  private rowOf(row: PositionRow): FigureRow {
    const key = cellKey(row);
    let found = this.rows.get(key);
    if (!found) {
      found = new FigureRow(row.entity, row.currency, 0, () => this.toggle(row));
      found.element.dataset["key"] = key;
      this.rows.set(key, found);
      this.sight.observe(found.element);
    }
    return found;
  }

  /** A row that the charts do not show yet is chosen and opened; a second click closes it. */
  private toggle(row: PositionRow): void {
    const key = cellKey(row);
    if (this.drills.has(key)) this.close(key);
    else this.drills.set(key, new Drill(row, () => this.place()));
    this.rows.get(key)?.setOpen(this.drills.has(key));
    this.place();
    this.store.choose({ entity: row.entity, currency: row.currency });
  }

  private forget(key: string): void {
    const element = this.rows.get(key)?.element;
    if (element) {
      this.sight.unobserve(element);
      this.seen.delete(element);
    }
    this.rows.delete(key);
    this.backlog.delete(key);
  }

  private close(key: string): void {
    this.drills.get(key)?.close();
    this.drills.delete(key);
  }

  private sortBy(column: Column): void {
    const again = this.sort.column === column;
    // The largest amounts first, names from A: what one wants at the first click.
    this.sort = { column, descending: again ? !this.sort.descending : FIGURES.includes(column as Figure) };
    this.markSort();
    this.sortAgain = true;
    this.draw();
  }

  private markSort(): void {
    for (const [column, cell] of this.heads) {
      if (column !== this.sort.column) cell.removeAttribute("aria-sort");
      else cell.setAttribute("aria-sort", this.sort.descending ? "descending" : "ascending");
    }
  }

  /** Up, down, Home and End walk the rows, as in any grid. */
  private move(event: KeyboardEvent): void {
    const buttons = [...this.body.querySelectorAll<HTMLButtonElement>("button.opener")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  }

  private describe(rows: readonly PositionRow[]): void {
    const scales = rows.map((row) => row.position.length - 1 - (row.position + ".").indexOf("."));
    // A fraction's place is as wide as the longest one, so that yen and dinar stand on the same point.
    const width = `${Math.max(0, ...scales) + 0.6}ch`;
    if (this.wrap.style.getPropertyValue("--fraction") !== width) this.wrap.style.setProperty("--fraction", width);
    const days = this.store.businessDates();
    setText(byId("positions-about"), T.positionsAbout(rows.length, days.map(longDay)));
  }
}
