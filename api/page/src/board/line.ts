/** One line of the board in the document: its cells are written only where their text differs. */

import { h, setText } from "../dom";
import { flashes } from "../figures";
import { compareText, shown, toPixels } from "../money";
import type { Series } from "../series";
import { Mark } from "./marks";
import { COLUMNS, type Column, type Line, figure, spark } from "./rows";
import type { Standing } from "./trust";
import { T } from "./words";

const SPARK = { width: 88, height: 18 };
const SPARK_MS = 500;
const SPARK_POINTS = 60;
/** Where a change is marked: the two results, lest the whole board flicker. */
const MARKED: ReadonlySet<Column> = new Set(["position", "projected_eod"]);

export interface Behind {
  readonly standing: Standing;
  readonly told: string;
  readonly series: Series | undefined;
}

const SVG = "http://www.w3.org/2000/svg";

class Course {
  readonly element = document.createElementNS(SVG, "svg");
  private readonly path = document.createElementNS(SVG, "path");
  private drawn_ms = -Infinity;

  constructor() {
    for (const [name, value] of Object.entries({ viewBox: `-1 -1 ${SPARK.width + 2} ${SPARK.height + 2}`, width: SPARK.width, height: SPARK.height, "aria-hidden": "true" })) this.element.setAttribute(name, String(value));
    this.element.append(this.path);
  }

  draw(series: Series | undefined, again: boolean, now_ms: number): void {
    if (!again && now_ms - this.drawn_ms < SPARK_MS) return;
    this.drawn_ms = now_ms;
    const points = series?.all.slice(-SPARK_POINTS) ?? [];
    this.path.setAttribute("d", spark(points.map(({ text }) => toPixels(text)), SPARK.width, SPARK.height));
  }
}

class Amount {
  readonly element = h("div", { role: "gridcell", class: "number" });
  private readonly whole = document.createTextNode("");
  private readonly fraction = h("span", { class: "fraction" });
  private text: string | null = null;

  constructor(private readonly column: Column) {
    this.element.append(this.whole, this.fraction);
    this.element.dataset["column"] = column;
  }

  /** @param mark whether this is the figure that stood here before, moved on */
  set(text: string, mark: boolean): void {
    if (text === this.text) return;
    const before = this.text;
    this.text = text;
    const parts = text === "" ? { sign: "", whole: "–", fraction: "" } : shown(text);
    const plus = this.column === "change" && text !== "" && parts.sign === "" && /[1-9]/.test(text) ? "+" : parts.sign;
    this.whole.data = plus + parts.whole;
    setText(this.fraction, parts.fraction);
    this.element.classList.toggle("negative", parts.sign !== "");
    if (text === "") this.element.title = T.notAtGrain;
    else if (this.element.title !== "") this.element.title = "";
    if (mark && before && text !== "" && MARKED.has(this.column)) flashes.mark(this.element, compareText(text, before) > 0 ? "up" : "down");
  }
}

export class LineView {
  private readonly twist = h("span", { class: "board-twist", "aria-hidden": "true" });
  private readonly name = h("span", { class: "board-text" });
  private readonly head = h("div", { role: "rowheader", class: "board-name" }, this.twist, this.name);
  private readonly currency = h("div", { role: "gridcell", class: "currency" });
  private readonly amounts: ReadonlyMap<Column, Amount> = new Map(COLUMNS.map((column) => [column, new Amount(column)]));
  private readonly course = new Course();
  private readonly courseCell = h("div", { role: "gridcell", class: "board-course" }, this.course.element);
  private readonly mark = new Mark();
  private readonly markCell = h("div", { role: "gridcell", class: "board-trust" }, this.mark.element);
  readonly element = h("div", { role: "row", class: "board-row" }, this.head, this.currency);
  private key = "";
  private at = -1;
  private columns = "";

  /** Cells in the order of the columns that were chosen. */
  cells(): HTMLElement[] {
    return [...this.element.children] as HTMLElement[];
  }

  set(line: Line, at: number, columns: readonly Column[], behind: Behind, line_px: number, now_ms: number): void {
    const same = line.key === this.key;
    const chosen = columns.join(" ");
    if (chosen !== this.columns) {
      this.columns = chosen;
      this.element.replaceChildren(this.head, this.currency, ...columns.flatMap((column) => this.amounts.get(column)?.element ?? []), this.courseCell, this.markCell);
      this.cells().forEach((cell, index) => cell.setAttribute("aria-colindex", String(index + 1)));
      this.at = -1;
    }
    if (at !== this.at) {
      this.at = at;
      this.element.style.transform = `translateY(${at * line_px}px)`;
      this.element.setAttribute("aria-rowindex", String(at + 2));
      this.cells().forEach((cell, index) => (cell.id = `board-${at}-${index}`));
    }
    if (!same) this.key = this.element.dataset["key"] = line.key;
    this.describe(line);
    for (const column of columns) this.amounts.get(column)?.set(figure(line.cell, column), same);
    this.course.draw(behind.series, !same, now_ms);
    this.mark.set(behind.standing, behind.told);
    if (this.element.dataset["trust"] !== behind.standing.state) this.element.dataset["trust"] = behind.standing.state;
  }

  private describe({ cell, level, open }: Line): void {
    setText(this.name, cell.name);
    setText(this.currency, cell.currency);
    if (this.head.title !== cell.name) this.head.title = cell.name;
    if (this.element.getAttribute("aria-level") !== String(level)) this.element.setAttribute("aria-level", String(level));
    if (open === undefined) this.element.removeAttribute("aria-expanded");
    else if (this.element.getAttribute("aria-expanded") !== String(open)) this.element.setAttribute("aria-expanded", String(open));
    setText(this.twist, open === undefined ? "" : open ? "▾" : "▸");
  }
}
