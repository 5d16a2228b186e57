/** The largest first, and what they make up together. */

import { type Option, type Palette, axisStyle, legend, tip, tooltip } from "../charts";
import { CHARTS as C } from "./chart-texts";
import { type Plot, categories, exact, place, valueAxis } from "./drawing";

export interface Holder {
  readonly name: string;
  readonly amount: string;
  readonly share_pct: string | null;
  readonly cumulative_share_pct: string | null;
}

export function pareto(title: string, summary: string, holders: readonly Holder[]): Plot {
  return { title, summary, option: (colours, width) => option(holders, colours, width) };
}

function option(holders: readonly Holder[], colours: Palette, width: number): Option {
  return {
    legend: legend(colours),
    grid: { left: 8, right: 12, top: 30, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltip(colours),
      axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
      formatter: (hits: { dataIndex: number }[]) => {
        const one = holders[hits[0]?.dataIndex ?? -1];
        if (!one) return "";
        const share = (text: string | null): string => (text === null ? "–" : `${exact(text)} %`);
        return tip(one.name, [
          [C.amount, exact(one.amount)],
          [C.share, share(one.share_pct)],
          [C.cumulative, share(one.cumulative_share_pct)],
        ]);
      },
    },
    xAxis: categories(holders.map((one) => one.name), colours, width),
    yAxis: [
      valueAxis(colours),
      { ...axisStyle(colours), type: "value", min: 0, axisLine: { show: false }, splitLine: { show: false }, axisLabel: { color: colours.quiet, fontSize: 11, formatter: "{value} %" } },
    ],
    series: [
      { name: C.amount, type: "bar", barMaxWidth: 42, itemStyle: { color: colours.gap }, emphasis: { disabled: true }, data: holders.map((one) => place(one.amount)) },
      {
        name: C.cumulativeShare,
        type: "line",
        yAxisIndex: 1,
        symbol: "circle",
        symbolSize: 6,
        lineStyle: { width: 2 },
        itemStyle: { color: colours.cumulative },
        emphasis: { disabled: true },
        data: holders.map((one) => place(one.cumulative_share_pct)),
      },
    ],
  };
}
