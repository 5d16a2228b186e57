/** Bars beside each other, over names or runs; a mark on a bar is what it is measured against. */

import { type Option, type Palette, legend, tip, tooltip } from "../charts";
import { type Plot, categories, exact, place, short, valueAxis } from "./drawing";

export interface Series {
  readonly name: string;
  readonly values: readonly (string | null)[];
}

export interface BarsModel {
  readonly title: string;
  readonly summary: string;
  readonly isWarning?: boolean;
  readonly names: readonly string[];
  readonly series: readonly Series[];
  readonly isStacked?: boolean;
  /** A stroke on each bar, as its minimum. */
  readonly against?: { readonly name: string; readonly values: readonly (number | null)[] };
}

/** Pixels that a bar must have for its label. */
const LABEL_ROOM = 42;

export function bars(model: BarsModel): Plot {
  return { ...model, option: (colours, width) => option(model, colours, width) };
}

function option({ names, series, against, isStacked = false }: BarsModel, colours: Palette, width: number): Option {
  const tints = [colours.gap, colours.inflow, colours.outflow, colours.accent, colours.second, colours.quiet];
  const isLabelled = !isStacked && (width - 70) / (names.length * series.length) > LABEL_ROOM;
  const hasBelow = isLabelled && series.some((one) => one.values.some((value) => value?.startsWith("-")));
  return {
    legend: { ...legend(colours), show: series.length > 1 || against !== undefined },
    grid: { left: 8, right: 12, top: series.length > 1 || against ? 44 : 22, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltip(colours),
      axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
      formatter: (hits: { dataIndex: number }[]) => {
        const at = hits[0]?.dataIndex ?? -1;
        const shown = series.map((one) => [one.name, one.values[at] == null ? "–" : exact(one.values[at])] as const);
        return names[at] === undefined ? "" : tip(names[at].replace("\n", " "), shown);
      },
    },
    // Labels below the bars must not lie on the names.
    xAxis: categories(names, colours, width, hasBelow ? 18 : 8),
    yAxis: valueAxis(colours),
    series: [
      ...series.map((one, at) => ({
        name: one.name,
        type: "bar",
        ...(isStacked ? { stack: "all" } : {}),
        barMaxWidth: 42,
        barGap: "12%",
        itemStyle: { color: tints[at % tints.length] },
        emphasis: { disabled: true },
        data: one.values.map((value) => ({ value: place(value), label: { position: value?.startsWith("-") ? "bottom" : "top" } })),
        label: {
          show: isLabelled,
          color: colours.ink,
          fontSize: 11,
          formatter: ({ dataIndex }: { dataIndex: number }) => short(one.values[dataIndex] ?? "0"),
        },
        labelLayout: { hideOverlap: true },
      })),
      ...(against ? [stroke(against, colours)] : []),
    ],
  };
}

function stroke({ name, values }: NonNullable<BarsModel["against"]>, colours: Palette): Option {
  return {
    name,
    type: "line",
    symbol: "rect",
    symbolSize: [46, 3],
    lineStyle: { opacity: 0 },
    itemStyle: { color: colours.negative },
    emphasis: { disabled: true },
    data: values,
  };
}
