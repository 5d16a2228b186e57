/** A result on the page: its charts, its tables, its JSON, and both as files. */

import { Chart } from "../charts";
import { h } from "../dom";
import { type Answer, type JsonObject, text } from "./api";
import { type Drawing, isPlot } from "./drawing";
import { drawings } from "./drawings";
import { csv, save } from "./export";
import { pretty } from "./pretty";
import { tables } from "./tables";
import { TEXTS } from "./texts";

const HEIGHT = 280;

export class ResultView {
  private charts: Chart[] = [];

  constructor(
    private readonly name: string,
    private readonly box: HTMLElement,
  ) {}

  show(asked: JsonObject, { result, sheets }: Answer): void {
    this.clear();
    const found = drawings(this.name, asked, result);
    const figures = found.map((drawing) => this.figure(drawing));
    const reason = result["status"] === "NOT_COMPUTABLE" ? h("p", { class: "summary warning" }, TEXTS.notComputable(text(result["reason"]))) : null;
    const files = h(
      "p",
      { class: "files" },
      h("button", { type: "button", class: "plain", onclick: () => save(`${this.name}.json`, "application/json", `${JSON.stringify(result, null, 2)}\n`) }, TEXTS.downloadJson),
      h("button", { type: "button", class: "plain", disabled: sheets.length === 0, onclick: () => save(`${this.name}.csv`, "text/csv;charset=utf-8", csv(sheets)) }, TEXTS.downloadCsv),
    );
    const raw = h("details", { class: "raw" }, h("summary", {}, TEXTS.raw), h("pre", { tabindex: 0 }, pretty(result)));
    const none = sheets.length === 0 ? h("p", { class: "quiet" }, TEXTS.noTables) : null;
    this.box.replaceChildren(...[reason, ...figures, none, ...tables(sheets), files, raw].filter((one) => one !== null));
    for (const chart of this.charts) chart.draw();
  }

  clear(): void {
    for (const chart of this.charts) chart.dispose();
    this.charts = [];
    this.box.replaceChildren();
  }

  private figure(drawing: Drawing): HTMLElement {
    const summary = h("figcaption", {}, h("h4", {}, drawing.title), h("p", { class: drawing.isWarning ? "warning" : "quiet" }, `${drawing.isWarning ? "⚠ " : ""}${drawing.summary}`));
    if (!isPlot(drawing)) return h("figure", {}, summary, drawing.build());
    const canvas = h("div", { class: "plot-box", role: "img", "aria-label": `${drawing.title}. ${drawing.summary} ${TEXTS.tablesHaveAll}` });
    canvas.style.height = `${drawing.height ?? HEIGHT}px`;
    this.charts.push(new Chart(canvas, (colours) => drawing.option(colours, canvas.clientWidth)));
    return h("figure", {}, summary, canvas);
  }
}
