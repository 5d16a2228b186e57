/** A pivot's answer: a table with subtotals that close, heat, a chart, files, and the rows behind a cell. */

import { Answers, panel } from "../auditor/pane";
import { trusted } from "../board/marks";
import { bars } from "../calculations/bars";
import { Chart, type Option } from "../charts";
import { h } from "../dom";
import { grouped } from "../money";
import { type Cell as TableCell, table as plainTable } from "../table";
import { type Answer, type Cell, type Row, download, drill } from "./api";
import { type Definition, onlyEntity } from "./question";
import { T, language, titleOf } from "./words";

const ROWS_MAX = 1_500;
const BEHIND = 100;
const BARS_MAX = 40;
const FORMS = ["xlsx", "pdf", "csv", "parquet", "json"] as const;

export const shownCell = (cell: Cell): string => (cell === null ? "" : typeof cell === "number" ? String(cell) : grouped(cell));
const memberName = (member: string): string => (member === "…" ? T.others : member);
const pathName = (path: readonly string[]): string => (path.length === 0 ? T.total : path.map(memberName).join(" · "));
export const measureName = (answer: Answer, at: number): string => answer.measures[at]?.titles[language === "zh" ? 1 : 0] ?? "";

/** Rows whose parents are all open. */
export function visible(rows: readonly Row[], closed: ReadonlySet<string>): readonly Row[] {
  return rows.filter(({ members }) => members.every((_, depth) => depth === 0 || !closed.has(JSON.stringify(members.slice(0, depth)))));
}

/** How strong a cell's heat is, 0 to 1, among the leaves of its own measure; a hue for each sign. */
export function heatOf(answer: Answer): (row: Row, column: number, measure: number) => number {
  const depth = answer.rows.length;
  const width = answer.columns.length;
  const most = answer.measures.map((_, measure) => {
    let found = 0;
    for (const row of answer.table) {
      if (row.members.length !== depth) continue;
      row.cells.forEach((cells, column) => {
        if (answer.column_paths[column]?.length === width) found = Math.max(found, Math.abs(Number(cells[measure] ?? 0)));
      });
    }
    return found;
  });
  return (row, column, measure) => {
    const cell = row.cells[column]?.[measure] ?? null;
    const limit = most[measure] ?? 0;
    const isLeaf = row.members.length === depth && answer.column_paths[column]?.length === width;
    return cell === null || limit === 0 || !isLeaf ? 0 : Number(cell) / limit;
  };
}

const FIGURES: Readonly<Record<string, string>> = { positions: "positions", accounts: "positions", gap: "gap", entries: "positions-by-date" };

/** The mark of an answer: of the sources that its rows stand on; none of a past moment. */
export const markOf = (answer: Answer): HTMLElement | null => (answer.provenance.trust === undefined ? null : trusted(FIGURES[answer.definition.source] ?? "ledgers", onlyEntity(answer.definition)));

export function pivotTable(answer: Answer, closed: Set<string>, heat: boolean, redraw: () => void, onCell: ((row: Row, column: number) => void) | null): HTMLElement {
  const strength = heatOf(answer);
  const caption = `${answer.rows.map(titleOf).join(", ")} × ${answer.columns.map(titleOf).join(", ")}`;
  const corner = h("th", { scope: "col", rowspan: answer.measures.length > 1 && answer.columns.length > 0 ? 2 : 1 }, answer.rows.map(titleOf).join(" / ") || T.total);
  const names = answer.measures.map((_, at) => measureName(answer, at));
  const upper = answer.column_paths.map((path) => h("th", { scope: names.length > 1 ? "colgroup" : "col", colspan: names.length, class: "number" }, pathName(path)));
  const lower = answer.column_paths.flatMap(() => names.map((name) => h("th", { scope: "col", class: "number" }, name)));
  const heads = answer.columns.length === 0 ? [h("tr", {}, corner, ...lower)] : names.length > 1 ? [h("tr", {}, corner, ...upper), h("tr", {}, ...lower)] : [h("tr", {}, corner, ...upper)];
  const deepest = answer.rows.length;
  const body = visible(answer.table, closed).slice(0, ROWS_MAX).map((row) => {
    const depth = row.members.length;
    const name = depth === 0 ? T.total : memberName(row.members[depth - 1] ?? "");
    const key = JSON.stringify(row.members);
    const isClosed = closed.has(key);
    const toggle =
      depth > 0 && depth < deepest
        ? h("button", { type: "button", class: "plain rep-toggle", "aria-expanded": String(!isClosed), "aria-label": isClosed ? T.expand(name) : T.collapse(name), "data-row": key, onclick: () => { if (!closed.delete(key)) closed.add(key); redraw(); } }, isClosed ? "▸" : "▾")
        : null;
    const head = h("th", { scope: "row", class: `rep-depth-${Math.min(Math.max(depth - 1, 0), 5)}` }, toggle, name);
    const cells = row.cells.flatMap((figures, column) =>
      figures.map((figure, measure) => {
        const text = shownCell(figure);
        const share = heat ? strength(row, column, measure) : 0;
        const level = Math.ceil(Math.abs(share) * 4);
        const content = figure === null || onCell === null ? text : h("button", { type: "button", class: "rep-cell", "aria-label": `${text}: ${T.drillTo(pathName(row.members), pathName(answer.column_paths[column] ?? []))}`, onclick: () => onCell(row, column) }, text);
        return h("td", { class: `number${level > 0 ? ` rep-heat-${share < 0 ? "low" : "high"}-${level}` : ""}` }, content);
      }),
    );
    return h("tr", { class: depth === 0 ? "rep-total" : depth < deepest ? "rep-sub" : "" }, head, ...cells);
  });
  return h("div", { class: "scroll-x rep-scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", { class: "figures rep-table" }, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, ...heads), h("tbody", {}, ...body)));
}

/** The first dimension of the rows as names, the columns (or figures) as series. */
export function chartOption(answer: Answer, kind: string, title: string): (colours: Parameters<ReturnType<typeof bars>["option"]>[0], width: number) => Option {
  const rows = answer.table.filter(({ members }) => members.length === Math.min(1, answer.rows.length)).slice(0, BARS_MAX);
  const width = answer.columns.length;
  const leaves = answer.column_paths.flatMap((path, at) => (path.length === width ? [{ path, at }] : []));
  const series = width === 0 ? answer.measures.map((_, at) => ({ name: measureName(answer, at), values: rows.map((row) => asText(row.cells[0]?.[at])) })) : leaves.map(({ path, at }) => ({ name: pathName(path), values: rows.map((row) => asText(row.cells[at]?.[0])) }));
  const plot = bars({ title, summary: title, names: rows.map((row) => pathName(row.members)), series, isStacked: kind === "STACKED" });
  return (colours, pixels) => {
    const option = plot.option(colours, pixels);
    if (kind !== "LINE") return option;
    const lines = (option["series"] as Option[]).map((one) => ({ ...one, type: "line" }));
    return { ...option, series: lines };
  };
}

const asText = (cell: Cell | undefined): string | null => (cell === undefined || cell === null ? null : String(cell));

export class Result {
  readonly element = h("div", { class: "rep-result" });
  private readonly answers = new Answers();
  private readonly behind = new Answers();
  private readonly closed = new Set<string>();
  private chart: Chart | null = null;
  private heat = false;
  private kind = "";
  private asked: Definition | null = null;

  constructor() {
    this.element.append(panel("answer", T.answer, "", this.answers.element), this.behind.element);
    this.answers.put(h("p", { class: "empty" }, T.noAnswer));
  }

  show(asked: Definition, work: () => Promise<Answer>): void {
    this.asked = asked;
    this.closed.clear();
    this.behind.put();
    void this.answers.ask(work, (answer) => this.drawn(answer));
  }

  private drawn(answer: Answer): Node[] {
    const place = h("div", { class: "rep-place" });
    const plot = h("div", { class: "canvas rep-plot", role: "img", "aria-label": answer.measures.map((_, at) => measureName(answer, at)).join(", ") });
    const redraw = (focused = ""): void => {
      place.replaceChildren(pivotTable(answer, this.closed, this.heat, () => redraw(document.activeElement?.getAttribute("data-row") ?? ""), (row, column) => this.open(answer, row, column)));
      if (focused !== "") place.querySelector<HTMLElement>(`[data-row="${CSS.escape(focused)}"]`)?.focus();
      plot.hidden = this.kind === "";
      this.chart?.dispose();
      this.chart = null;
      if (this.kind !== "") {
        const option = chartOption(answer, this.kind, T.answer);
        this.chart = new Chart(plot, (colours) => option(colours, plot.clientWidth));
        requestAnimationFrame(() => this.chart?.draw());
      }
    };
    const heat = h("button", { type: "button", class: "plain", id: "rep-heat", "aria-pressed": String(this.heat) }, T.heat);
    heat.addEventListener("click", () => {
      this.heat = !this.heat;
      heat.setAttribute("aria-pressed", String(this.heat));
      redraw();
    });
    const kinds = h("select", { id: "rep-chart" }, ...Object.entries(T.charts).map(([value, name]) => h("option", { value }, name)));
    kinds.value = this.kind;
    kinds.addEventListener("change", () => {
      this.kind = kinds.value;
      redraw();
    });
    const asked = this.asked;
    const files = FORMS.map((form) => h("button", { type: "button", class: "plain", "data-form": form, onclick: () => asked && void download(asked, form, language, "").catch((error: unknown) => this.behind.put(h("p", { class: "failure", role: "alert" }, T.failed(String(error))))) }, form.toUpperCase()));
    const tools = h("div", { class: "rep-tools" }, heat, h("label", {}, h("span", { class: "quiet" }, `${T.chart} `), kinds), h("span", { class: "rep-files" }, `${T.files} `, ...files));
    const stamp = h("p", { class: "aud-stamp quiet" }, T.cut(answer.cut.as_of ?? "–", String(answer.cut.position), answer.provenance.digest.slice(0, 12)), answer.masked ? ` ${T.masked}` : "", " ", markOf(answer));
    const notes = [answer.missing_rates.length > 0 ? h("p", { class: "rep-note" }, T.missing(answer.missing_rates.join(", "))) : null, answer.table.length > ROWS_MAX ? h("p", { class: "rep-note" }, T.firstRows(ROWS_MAX, answer.table.length)) : null].filter((one) => one !== null);
    redraw();
    return answer.table.length <= 1 && answer.rows.length > 0 ? [h("p", { class: "empty" }, T.noRows), stamp] : [tools, ...notes, plot, place, stamp];
  }

  private open(answer: Answer, row: Row, column: number): void {
    const { asked } = this;
    if (asked === null) return;
    const path = answer.column_paths[column] ?? [];
    const name = [pathName(row.members), ...(path.length > 0 ? [pathName(path)] : [])].join(", ");
    const back = document.activeElement;
    void this.behind.ask(
      () => drill(asked, row.members, path, BEHIND),
      (found) => {
        const rows = found.rows.map((one) => found.columns.map((column_): TableCell => ({ content: String(one[column_] ?? ""), isNumber: /^-?\d+\.\d+$/.test(String(one[column_] ?? "")) })));
        const close = h("button", { type: "button", class: "plain", onclick: () => { this.behind.put(); if (back instanceof HTMLElement) back.focus(); } }, T.close);
        const box = panel("behind", T.behind(name), T.behindAbout(found.rows.length, found.row_count), h("p", { class: "aud-stamp" }, close), plainTable(T.behind(name), found.columns, rows));
        requestAnimationFrame(() => box.querySelector<HTMLElement>("h3")?.focus());
        return [box];
      },
    );
  }
}
