/** The maturity gap of one entity and currency: in, out, gap and cumulative gap per bucket, as chart and as table. */

import { AuditPanel } from "./audit";
import { describe } from "./board/marks";
import { buckets as allBuckets, label, tick } from "./buckets";
import { Chart, type Option, type Palette, axisStyle, legend, moneyAxis, tip, tooltip } from "./charts";
import { byId, h, onFrame, setHidden, setText } from "./dom";
import { NumberCell } from "./figures";
import { GapBars } from "./gap-bars";
import { grouped, toPixels } from "./money";
import { type Store, cellKey } from "./store";
import { count, longDay } from "./time";
import type { GapRow } from "./wire";
import { T, onWords } from "./words";

const FIGURES = ["inflow", "outflow", "gap", "cumulative"] as const;

export class GapChart {
  private readonly chart: Chart;
  private readonly body = h("tbody");
  private readonly table = h("table", { class: "figures" });
  private readonly lines = new Map<string, { element: HTMLTableRowElement; cells: NumberCell[]; contracts: HTMLElement }>();
  private readonly audit = new AuditPanel();
  private readonly bars: GapBars;
  private asTable = false;
  private readonly draw = onFrame(() => this.render());

  constructor(private readonly store: Store) {
    this.chart = new Chart(byId("gap-chart"), (colours) => this.option(colours));
    this.bars = new GapBars(byId("gap-bars"), (bucket) => this.open(bucket), (index) => this.chart.showTip(index));
    this.chart.onColumn((index) => this.open(this.rows()[index]?.bucket));
    this.chart.onDrawn(() => {
      const rows = this.rows();
      this.bars.place(rows, rows.map((_, index) => this.chart.column(index, rows.length)));
    });
    byId("gap-table").append(this.table);
    this.name();
    onWords(() => {
      this.name();
      this.lines.clear(); // the names of the buckets are words
      this.body.replaceChildren();
      this.draw();
    });
    for (const asTable of [false, true]) {
      byId(asTable ? "gap-as-table" : "gap-as-chart").addEventListener("click", () => {
        this.asTable = asTable;
        this.draw();
      });
    }
    store.on(["gap", "scope"], this.draw);
    // Which cell is in scope may change with the rows, for instance when the first ones arrive.
    store.on(["positions"], () => {
      if (this.lines.size === 0) this.draw();
    });
    this.draw();
  }

  private name(): void {
    const head = h("tr", {}, ...T.gapHeads.map((name, at) => h("th", { scope: "col", class: at > 0 ? "number" : "" }, name)));
    this.table.replaceChildren(h("caption", { class: "visually-hidden" }, T.gapCaption), h("thead", {}, head), this.body);
  }

  private rows(): GapRow[] {
    const scope = this.store.scope;
    const cells = scope && this.store.gap.get(cellKey(scope));
    if (!cells) return [];
    const buckets = this.store.buckets.length > 0 ? this.store.buckets : allBuckets();
    return buckets.map(
      (bucket) =>
        cells.get(bucket) ?? { ...scope, bucket, inflow: "0", outflow: "0", gap: "0", cumulative: null, contracts: 0 },
    );
  }

  /** Shows the contracts behind a bucket of the cell in scope. */
  private open(bucket: string | undefined): void {
    const row = this.rows().find((one) => one.bucket === bucket);
    if (row) this.audit.open(row, this.store.gapOffsets, this.store.gapDay);
  }

  private render(): void {
    const scope = this.store.scope;
    const rows = this.rows();
    const day = this.store.gapDay;
    const when = day === null ? "" : T.asOf(longDay(day));
    describe(byId("gap-about"), scope === null ? "" : `${scope.entity} · ${scope.currency}${when}`, "gap", scope?.entity, this.store.gapOffsets);
    const empty = byId("gap-empty");
    setHidden(empty, rows.length > 0);
    setText(empty, scope ? T.noContractsOf(scope.entity, scope.currency) : T.noContracts);
    byId("gap-as-chart").setAttribute("aria-pressed", String(!this.asTable));
    byId("gap-as-table").setAttribute("aria-pressed", String(this.asTable));
    setHidden(byId("gap-plot"), this.asTable || rows.length === 0);
    // Not `hidden`: paper and screen readers get the figures even when the screen shows the chart.
    byId("gap-table").classList.toggle("visually-hidden-unless-print", !this.asTable);
    // A box that scrolls must be reachable by keyboard, one that cannot be seen must not.
    byId("gap-table").tabIndex = this.asTable ? 0 : -1;
    this.fill(rows);
    for (const { element } of this.lines.values()) for (const button of element.querySelectorAll("button")) button.tabIndex = this.asTable ? 0 : -1;
    const worst = rows.filter((row) => row.cumulative?.startsWith("-")).map((row) => label(row.bucket));
    const words = worst.length > 0 ? T.negativeIn(worst) : T.nowhereNegative;
    byId("gap-chart").setAttribute("aria-label", T.gapChart(words));
    setText(byId("gap-summary"), rows.length > 0 ? words : "");
    byId("gap-summary").classList.toggle("warning", worst.length > 0);
    this.chart.draw();
  }

  /** Only where the table is what one sees: beside the chart its columns have buttons of their own. */
  private opener(bucket: string): HTMLElement {
    return h("button", { type: "button", class: "link", title: T.showContracts, onclick: () => this.open(bucket) }, label(bucket));
  }

  private fill(rows: readonly GapRow[]): void {
    if (rows.length === 0) {
      this.lines.clear();
      this.body.replaceChildren();
    }
    for (const row of rows) {
      let line = this.lines.get(row.bucket);
      if (!line) {
        const cells = FIGURES.map((name) => new NumberCell(name));
        const contracts = h("td", { class: "number" });
        const element = h("tr", {}, h("th", { scope: "row" }, this.opener(row.bucket)), ...cells.map((cell) => cell.element), contracts);
        this.lines.set(row.bucket, (line = { element, cells, contracts }));
        this.body.append(element);
      }
      FIGURES.forEach((name, at) => line.cells[at]?.set(row[name]));
      setText(line.contracts, count(row.contracts));
    }
    const widest = Math.max(0, ...rows.map((row) => row.gap.length - 1 - (row.gap + ".").indexOf(".")));
    byId("gap-table").style.setProperty("--fraction", `${widest + 0.6}ch`);
  }

  private option(colours: Palette): Option {
    const rows = this.rows();
    const width = byId("gap-chart").clientWidth;
    const narrow = width < 480;
    const bar = (name: string, colour: string, stack: string, value: (row: GapRow) => number): Option => ({
      name,
      type: "bar",
      stack,
      barMaxWidth: 22,
      barGap: "15%",
      itemStyle: { color: colour },
      emphasis: { disabled: true },
      data: rows.map(value),
    });
    return {
      legend: legend(colours),
      grid: { left: 8, right: 12, top: 30, bottom: 4, containLabel: true },
      tooltip: {
        ...tooltip(colours),
        axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
        formatter: (hits: { dataIndex: number }[]) => {
          const row = rows[hits[0]?.dataIndex ?? -1];
          if (!row) return "";
          return tip(`${label(row.bucket)} · ${row.currency}`, [
            [T.inflow, grouped(row.inflow)],
            [T.outflow, grouped(row.outflow)],
            [T.gap, grouped(row.gap)],
            [T.cumulative, row.cumulative === null ? T.notCumulated : grouped(row.cumulative)],
            [T.contracts, count(row.contracts)],
          ]);
        },
      },
      xAxis: {
        ...axisStyle(colours),
        type: "category",
        data: rows.map((row) => (narrow ? label(row.bucket) : tick(row.bucket))),
        axisLabel: { color: colours.quiet, fontSize: width < 640 ? 10 : 11, lineHeight: 13, interval: 0, rotate: narrow ? 45 : 0 },
      },
      yAxis: moneyAxis(colours),
      series: [
        bar(T.inflow, colours.inflow, "flow", (row) => toPixels(row.inflow)),
        bar(T.outflow, colours.outflow, "flow", (row) => -toPixels(row.outflow)),
        bar(T.gap, colours.gap, "gap", (row) => toPixels(row.gap)),
        {
          name: T.cumulativeGap,
          type: "line",
          symbol: "circle",
          symbolSize: 5,
          lineStyle: { width: 2 },
          itemStyle: { color: colours.cumulative },
          emphasis: { disabled: true },
          // A gap in the line, not a zero: overdue and undated flows are shown and not cumulated.
          data: rows.map((row) => (row.cumulative === null ? null : toPixels(row.cumulative))),
        },
      ],
    };
  }
}
