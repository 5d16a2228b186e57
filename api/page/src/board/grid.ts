/**
 * The board's tree grid: only the lines in sight are in the document, however many there are.
 *
 * One element has the focus, the grid itself; `aria-activedescendant` names the cell, so that lines can come and go under
 * it. Lines are recycled. Knows nothing of where figures come from.
 */

import { h, onFrame } from "../dom";
import { type Behind, LineView } from "./line";
import { type Column, type Line, type SortKey, inSight } from "./rows";
import { T } from "./words";

const LINE_PX = 30;

export interface Wishes {
  /** The course and the trust behind a line. */
  behind(line: Line): Behind;
  sort(key: SortKey): void;
  toggle(line: Line, open?: boolean): void;
  open(line: Line): void;
}

export class Grid {
  readonly element = h("div", { role: "treegrid", class: "board-grid", tabindex: 0, "aria-multiselectable": false });
  private readonly head = h("div", { role: "row", class: "board-row board-head", "aria-rowindex": 1 });
  private readonly space = h("div", { role: "rowgroup", class: "board-space" });
  private readonly views = new Map<string, LineView>();
  private readonly spare: LineView[] = [];
  private lines: readonly Line[] = [];
  private columns: readonly Column[] = [];
  private keys: readonly SortKey[] = [];
  /** -1: the line of heads. */
  private row = 0;
  private column = 0;
  private active: HTMLElement | null = null;
  readonly draw = onFrame(() => this.render());

  constructor(private readonly wishes: Wishes) {
    this.element.append(h("div", { role: "rowgroup", class: "board-heads" }, this.head), this.space);
    this.element.addEventListener("scroll", this.draw, { passive: true });
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("click", (event) => this.point(event));
    this.element.addEventListener("dblclick", (event) => {
      if (this.hit(event) !== null) this.openActive();
    });
    this.element.addEventListener("focus", () => this.activate());
    new ResizeObserver(this.draw).observe(this.element);
  }

  /** Which columns there are, and by which the lines are sorted. */
  shape(columns: readonly Column[], sort: SortKey, descending: boolean): void {
    this.columns = columns;
    this.keys = ["name", "currency", ...columns];
    const cells = [...this.keys, "course", "trust"].map((key, at) => {
      const sortable = at < this.keys.length;
      const sorted = key === sort ? (descending ? "descending" : "ascending") : sortable ? "none" : undefined;
      const arrow = key === sort ? (descending ? " ↓" : " ↑") : "";
      const numeric = at > 1 && sortable;
      return h("div", { role: "columnheader", id: `board-head-${at}`, "aria-colindex": at + 1, "aria-sort": sorted, class: numeric ? "number" : `board-head-${key}`, title: T.meanings[key] ?? "", ...(sortable ? { "data-sort": key } : {}) }, (T.heads[key] ?? key) + arrow);
    });
    this.head.replaceChildren(...cells);
    this.element.setAttribute("aria-colcount", String(cells.length));
    this.element.style.setProperty("--board-amounts", String(columns.length));
    this.activate();
  }

  show(lines: readonly Line[]): void {
    const active = this.lines[this.row]?.key;
    this.lines = lines;
    // The reader stays on the line, not on the number of the line.
    const again = active === undefined ? -1 : lines[this.row]?.key === active ? this.row : lines.findIndex(({ key }) => key === active);
    if (again >= 0 && this.row >= 0) this.row = again;
    this.row = Math.min(this.row, lines.length - 1);
    const height = `${lines.length * LINE_PX}px`;
    if (this.space.style.height !== height) this.space.style.height = height;
    const count = String(lines.length + 1);
    if (this.element.getAttribute("aria-rowcount") !== count) this.element.setAttribute("aria-rowcount", count);
    this.draw();
  }

  private render(): void {
    const height = this.element.clientHeight;
    if (height === 0) return;
    const { from, to } = inSight(this.element.scrollTop, height - LINE_PX, LINE_PX, this.lines.length);
    const seen = this.lines.slice(from, to);
    const wanted = new Set(seen.map(({ key }) => key));
    for (const [key, view] of this.views) {
      if (wanted.has(key)) continue;
      this.views.delete(key);
      this.spare.push(view);
    }
    const now_ms = performance.now();
    seen.forEach((line, at) => {
      let view = this.views.get(line.key);
      if (!view) {
        view = this.spare.pop() ?? new LineView();
        this.views.set(line.key, view);
        if (!view.element.isConnected) this.space.append(view.element);
      }
      view.set(line, from + at, this.columns, this.wishes.behind(line), LINE_PX, now_ms);
    });
    for (const view of this.spare.splice(0)) view.element.remove();
    this.activate();
  }

  /** Says which cell is the active one, if it is in the document. */
  private activate(): void {
    const id = this.row < 0 ? `board-head-${this.column}` : `board-${this.row}-${this.column}`;
    const cell = document.getElementById(id);
    if (this.active !== cell) {
      if (this.active) delete this.active.dataset["active"];
      this.active = cell;
    }
    if (cell === null) this.element.removeAttribute("aria-activedescendant");
    else {
      if (cell.dataset["active"] === undefined) cell.dataset["active"] = "";
      if (this.element.getAttribute("aria-activedescendant") !== id) this.element.setAttribute("aria-activedescendant", id);
    }
  }

  private go(row: number, column: number): void {
    this.row = Math.max(-1, Math.min(this.lines.length - 1, row));
    this.column = Math.max(0, Math.min(this.head.childElementCount - 1, column));
    if (this.row >= 0) {
      const [top, height] = [this.row * LINE_PX, this.element.clientHeight - LINE_PX];
      if (top < this.element.scrollTop) this.element.scrollTop = top;
      else if (top + LINE_PX > this.element.scrollTop + height) this.element.scrollTop = top + LINE_PX - height;
    }
    this.render();
    document.getElementById(this.element.getAttribute("aria-activedescendant") ?? "")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  private press(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return;
    const line = this.lines[this.row];
    const page = Math.max(1, Math.floor(this.element.clientHeight / LINE_PX) - 2);
    const last = this.head.childElementCount - 1;
    const onName = this.column === 0 && line?.open !== undefined;
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.go(this.row + 1, this.column),
      ArrowUp: () => this.go(this.row - 1, this.column),
      ArrowRight: () => (onName && line.open === false ? this.wishes.toggle(line, true) : this.go(this.row, this.column + 1)),
      ArrowLeft: () => (onName && line.open === true ? this.wishes.toggle(line, false) : this.go(this.row, this.column - 1)),
      PageDown: () => this.go(this.row + page, this.column),
      PageUp: () => this.go(Math.max(0, this.row - page), this.column),
      Home: () => this.go(event.ctrlKey ? 0 : this.row, 0),
      End: () => this.go(event.ctrlKey ? this.lines.length - 1 : this.row, last),
      Enter: () => this.openActive(),
      " ": () => this.toggleActive(),
      "+": () => line && this.wishes.toggle(line, true),
      "-": () => line && this.wishes.toggle(line, false),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  private openActive(): void {
    const key = this.keys[this.column];
    if (this.row < 0) return key === undefined ? undefined : this.wishes.sort(key);
    const line = this.lines[this.row];
    if (line) this.wishes.open(line);
  }

  private toggleActive(): void {
    const line = this.lines[this.row];
    if (line?.open !== undefined) this.wishes.toggle(line);
    else this.openActive();
  }

  private hit(event: Event): { row: number; column: number } | null {
    const cell = (event.target as Element).closest<HTMLElement>("[aria-colindex]");
    const row = cell?.closest<HTMLElement>(".board-row");
    if (!cell || !row || row === this.head) return null;
    return { row: Number(row.getAttribute("aria-rowindex")) - 2, column: Number(cell.getAttribute("aria-colindex")) - 1 };
  }

  private point(event: Event): void {
    const sort = (event.target as Element).closest<HTMLElement>("[data-sort]")?.dataset["sort"];
    if (sort !== undefined) return this.wishes.sort(sort as SortKey);
    const at = this.hit(event);
    if (at === null) return;
    this.go(at.row, at.column);
    const line = this.lines[this.row];
    if (!line) return;
    if (line.open !== undefined && (event.target as Element).closest(".board-twist")) this.wishes.toggle(line);
    else if (this.column === 0) this.wishes.open(line);
  }
}
