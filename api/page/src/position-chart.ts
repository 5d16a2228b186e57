/** The position of one currency: as it moved while the page was open, or its closing level by value date. */

import { describe } from "./board/marks";
import { Chart, type Option, type Palette, axisStyle, legend, moneyAxis, tip, tooltip } from "./charts";
import { byId, h, setHidden, setText } from "./dom";
import { add, format, grouped, negate, parse, toPixels } from "./money";
import { said } from "./problems";
import type { Point } from "./series";
import { type Store, cellKey } from "./store";
import { clock, dayMonth, longDay } from "./time";
import { type ByDateRow, Problem, get } from "./wire";
import { T, onWords } from "./words";

const DRAW_MS = 250; // four times a second is smooth enough for a line and leaves the rest to the table
const REFRESH_MS = 5_000;

interface Tip {
  dataIndex: number;
  seriesName?: string;
  axisValue: number | string;
}

export class PositionChart {
  private mode: "live" | "by-date" = "live";
  private readonly chart: Chart;
  private byDate: { key: string; rows: ByDateRow[]; at_ms: number } | null = null;
  private asking = "";
  private drawTimer = 0;
  private readonly summary = byId("position-summary");
  private readonly note = byId("position-note");

  constructor(private readonly store: Store) {
    this.chart = new Chart(byId("position-chart"), (colours) => this.option(colours));
    for (const mode of ["live", "by-date"] as const) {
      byId(`position-${mode}`).addEventListener("click", () => this.setMode(mode));
    }
    store.on(["positions", "scope"], () => this.soon());
    // The line of a figure that does not move still has to grow to the right.
    setInterval(() => this.soon(), 1_000);
    onWords(() => this.soon());
    this.soon();
  }

  private setMode(mode: "live" | "by-date"): void {
    this.mode = mode;
    for (const name of ["live", "by-date"]) byId(`position-${name}`).setAttribute("aria-pressed", String(name === mode));
    this.draw();
  }

  private soon(): void {
    if (this.drawTimer !== 0) return;
    this.drawTimer = window.setTimeout(() => {
      this.drawTimer = 0;
      this.draw();
    }, DRAW_MS);
  }

  private draw(): void {
    const scope = this.store.scope;
    if (scope === null) return;
    describe(byId("position-about"), `${scope.entity} · ${scope.currency}`, "positions", scope.entity);
    if (this.mode === "by-date") this.ask(cellKey(scope));
    else setHidden(this.note, true);
    this.describe();
    this.chart.draw();
  }

  private describe(): void {
    const scope = this.store.scope;
    const row = scope && this.store.positions.get(cellKey(scope));
    if (!row) return;
    const first = this.store.series.get(cellKey(row))?.all[0];
    const moved = first ? add(parse(row.position), negate(parse(first.text))) : null;
    const since = first && moved && moved.units !== 0n ? T.since(`${moved.units > 0n ? "+" : ""}${grouped(format(moved))}`, clock(first.at_ms)) : "";
    this.summary.replaceChildren(h("b", { class: row.position.startsWith("-") ? "negative" : "" }, grouped(row.position)), ` ${since}`);
    const words = T.positionOf(scope.entity, scope.currency, `${grouped(row.position)} ${since}`);
    byId("position-chart").setAttribute("aria-label", words);
  }

  private ask(key: string): void {
    const scope = this.store.scope;
    const fresh = this.byDate?.key === key && Date.now() - this.byDate.at_ms < REFRESH_MS;
    if (scope === null || fresh || this.asking === key) return;
    this.asking = key;
    get<{ rows: ByDateRow[] }>("/positions/by-date", { entity: scope.entity, currency: scope.currency })
      .then(({ rows }) => {
        const ours = rows.filter((row) => cellKey(row) === key);
        this.byDate = { key, rows: ours.sort((a, b) => (a.value_date < b.value_date ? -1 : 1)), at_ms: Date.now() };
        setHidden(this.note, ours.length > 0);
        setText(this.note, T.noDates);
        this.soon();
      })
      .catch((error: unknown) => {
        setHidden(this.note, false);
        setText(this.note, error instanceof Problem ? T.failed(said(error)) : String(error));
      })
      .finally(() => (this.asking = ""));
  }

  private option(colours: Palette): Option {
    return this.mode === "live" ? this.live(colours) : this.closing(colours);
  }

  /** One line per entity in view: amounts of two legal entities are never added up. */
  private live(colours: Palette): Option {
    const scope = this.store.scope;
    const rows = this.store.inView().filter((row) => row.currency === scope?.currency);
    // The chosen entity first, and its line on top; more than a handful of lines says nothing.
    rows.sort((a, b) => Number(b.entity === scope?.entity) - Number(a.entity === scope?.entity));
    const now = Date.now();
    const tints = [colours.accent, colours.second, colours.gap, colours.quiet];
    const points = new Map<string, readonly Point[]>();
    const series = rows.slice(0, 4).map((row, index) => {
      const all = this.store.series.get(cellKey(row))?.all ?? [];
      const held = [...all, { at_ms: now, text: row.position }];
      points.set(row.entity, held);
      return {
        name: row.entity,
        type: "line",
        step: "end",
        showSymbol: false,
        z: 10 - index,
        lineStyle: { width: index === 0 ? 2 : 1.25 },
        itemStyle: { color: tints[index] },
        emphasis: { disabled: true },
        data: held.map((point) => [point.at_ms, toPixels(point.text)]),
      };
    });
    const label = axisStyle(colours)["axisLabel"] as Option;
    return {
      legend: { ...legend(colours), show: series.length > 1, icon: "roundRect", itemHeight: 4 },
      grid: { left: 8, right: 12, top: series.length > 1 ? 30 : 12, bottom: 4, containLabel: true },
      tooltip: {
        ...tooltip(colours),
        formatter: (hits: Tip[]) =>
          tip(
            `${clock(hits[0]?.axisValue)} UTC`,
            hits.map((hit) => [hit.seriesName ?? "", grouped(points.get(hit.seriesName ?? "")?.[hit.dataIndex]?.text ?? "0")]),
          ),
      },
      xAxis: {
        ...axisStyle(colours),
        type: "time",
        minInterval: 1_000,
        max: now,
        splitLine: { show: false },
        axisLabel: { ...label, formatter: (value: number) => clock(value) },
        splitNumber: 4,
      },
      yAxis: { ...moneyAxis(colours), scale: true },
      series,
    };
  }

  private closing(colours: Palette): Option {
    const rows = this.byDate?.key === cellKey(this.store.scope ?? { entity: "", currency: "" }) ? this.byDate.rows : [];
    const day = this.store.positions.get(this.byDate?.key ?? "")?.as_of ?? this.store.meta?.as_of ?? "";
    const mark = rows.some((row) => row.value_date === day)
      ? {
          silent: true,
          symbol: "none",
          lineStyle: { color: colours.quiet, type: "dashed" },
          label: { formatter: T.businessDate, color: colours.quiet, fontSize: 11, position: "insideEndTop" },
          data: [{ xAxis: day }],
        }
      : undefined;
    return {
      grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
      tooltip: {
        ...tooltip(colours),
        formatter: (hits: Tip[]) => {
          const row = rows[hits[0]?.dataIndex ?? -1];
          if (!row) return "";
          return tip(longDay(row.value_date), [
            [T.closing, grouped(row.position)],
            [T.movement, grouped(row.movement)],
          ]);
        },
      },
      xAxis: {
        ...axisStyle(colours),
        type: "category",
        boundaryGap: false,
        data: rows.map((row) => row.value_date),
        axisLabel: { color: colours.quiet, fontSize: 11, hideOverlap: true, formatter: (value: string) => dayMonth(value) },
      },
      yAxis: { ...moneyAxis(colours), scale: true },
      series: [
        {
          name: T.closing,
          type: "line",
          step: "end",
          showSymbol: rows.length < 40,
          symbolSize: 5,
          lineStyle: { width: 2 },
          itemStyle: { color: colours.accent },
          markLine: mark,
          data: rows.map((row) => toPixels(row.position)),
        },
      ],
    };
  }
}
