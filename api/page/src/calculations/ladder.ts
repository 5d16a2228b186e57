/** The gap ladder: in, out and gap in each bucket, and the cumulative gap as a line. */

import { type Option, type Palette, legend, tip, tooltip } from "../charts";
import { CHARTS as C } from "./chart-texts";
import { type Plot, categories, exact, place, valueAxis } from "./drawing";

export interface Rung {
  readonly name: string;
  readonly inflow: string | null;
  readonly outflow: string | null;
  readonly gap: string | null;
  /** null where the rung is shown and not cumulated. */
  readonly cumulative: string | null;
}

export function ladder(title: string, rungs: readonly Rung[], names: { inflow: string; outflow: string } = { inflow: C.inflow, outflow: C.outflow }): Plot {
  const below = rungs.filter((rung) => rung.cumulative?.startsWith("-")).map((rung) => rung.name.replace("\n", " "));
  const summary = below.length > 0 ? C.negativeIn(below.join(", ")) : C.nowhereNegative;
  return { title, summary, isWarning: below.length > 0, option: (colours, width) => option(rungs, names, colours, width) };
}

function option(rungs: readonly Rung[], names: { inflow: string; outflow: string }, colours: Palette, width: number): Option {
  const bar = (name: string, colour: string, stack: string, values: (number | null)[]): Option => ({
    name,
    type: "bar",
    stack,
    barMaxWidth: 22,
    barGap: "15%",
    itemStyle: { color: colour },
    emphasis: { disabled: true },
    data: values,
  });
  const hasFlows = rungs.some((rung) => rung.inflow !== null || rung.outflow !== null);
  const flows = [
    bar(names.inflow, colours.inflow, "flow", rungs.map((rung) => place(rung.inflow))),
    bar(names.outflow, colours.outflow, "flow", rungs.map((rung) => (rung.outflow === null ? null : -(place(rung.outflow) ?? 0)))),
  ];
  const lines = (rung: Rung): [string, string][] =>
    ([[names.inflow, rung.inflow], [names.outflow, rung.outflow], [C.gap, rung.gap], [C.cumulative, rung.cumulative]] as const)
      .filter(([name, value]) => hasFlows || (name !== names.inflow && name !== names.outflow && value !== undefined))
      .map(([name, value]) => [name, value === null ? "–" : exact(value)]);
  return {
    legend: legend(colours),
    grid: { left: 8, right: 12, top: 30, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltip(colours),
      axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
      formatter: (hits: { dataIndex: number }[]) => {
        const rung = rungs[hits[0]?.dataIndex ?? -1];
        return rung ? tip(rung.name.replace("\n", " "), lines(rung)) : "";
      },
    },
    xAxis: categories(rungs.map((rung) => rung.name), colours, width),
    yAxis: valueAxis(colours),
    series: [
      ...(hasFlows ? flows : []),
      bar(C.gap, colours.gap, "gap", rungs.map((rung) => place(rung.gap))),
      {
        name: C.cumulativeGap,
        type: "line",
        symbol: "circle",
        symbolSize: 5,
        lineStyle: { width: 2 },
        itemStyle: { color: colours.cumulative },
        emphasis: { disabled: true },
        data: rungs.map((rung) => place(rung.cumulative)),
      },
    ],
  };
}
