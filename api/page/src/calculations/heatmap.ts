/** A map of few cells as a table: each says in figures and in a word what its colour says. */

import { h } from "../dom";
import { CHARTS as C } from "./chart-texts";
import type { Picture } from "./drawing";

export interface Cell {
  readonly row: string;
  readonly column: string;
  readonly text: string;
  readonly passes: boolean;
  /** 0 bad to 1 good; decides the strength of the colour and nothing else. */
  readonly strength: number;
  readonly detail: string;
}

const STEPS = 4;

export function heatmap(title: string, summary: string, corner: string, cells: readonly Cell[], isWarning: boolean): Picture {
  return { title, summary, isWarning, build: () => build(corner, cells) };
}

function build(corner: string, cells: readonly Cell[]): HTMLElement {
  const columns = [...new Set(cells.map((cell) => cell.column))];
  const rows = [...new Set(cells.map((cell) => cell.row))];
  const head = [h("th", { scope: "col" }, corner), ...columns.map((name) => h("th", { scope: "col" }, name))];
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, row),
      ...columns.map((column) => {
        const found = cells.filter((cell) => cell.row === row && cell.column === column);
        return h("td", {}, ...found.map(boxOf));
      }),
    ),
  );
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": C.heatMap }, h("table", { class: "heat" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}

function boxOf(cell: Cell): HTMLElement {
  const step = Math.min(STEPS, Math.max(1, Math.ceil(cell.strength * STEPS)));
  return h(
    "div",
    { class: `heat-cell ${cell.passes ? "passes" : "fails"} step-${step}` },
    h("b", {}, cell.text),
    h("span", {}, cell.passes ? C.passes : C.failsMark),
    h("small", {}, cell.detail),
  );
}
