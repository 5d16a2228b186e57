/** Lines over days, tenors or periods: a survival curve, a rate curve, a path with its limit. */

import { type Option, type Palette, legend, tip, tooltip } from "../charts";
import { toPixels } from "../money";
import { type Plot, categories, exact, place, valueAxis } from "./drawing";

const LOOKS = ["solid", "dashed", "dotted", "solid", "dashed", "dotted"] as const;
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "circle", "rect"] as const;

export interface Line {
  readonly name: string;
  readonly values: readonly (string | null)[];
  readonly isArea?: boolean;
  readonly isStep?: boolean;
}

/** A dashed line across the plot: at a place of the x axis or at a height. */
export interface Mark {
  readonly name: string;
  readonly x?: string;
  readonly y?: string;
}

export interface LinesModel {
  readonly title: string;
  readonly summary: string;
  readonly isWarning?: boolean;
  readonly x: readonly string[];
  /** What x is, as "day". */
  readonly axis: string;
  readonly lines: readonly Line[];
  readonly marks?: readonly Mark[];
  readonly isFromZero?: boolean;
}

export function lines(model: LinesModel): Plot {
  return { ...model, option: (colours, width) => option(model, colours, width) };
}

function option({ x, axis, lines: all, marks = [], isFromZero = true }: LinesModel, colours: Palette, width: number): Option {
  const tints = [colours.accent, colours.second, colours.gap, colours.inflow, colours.outflow, colours.ink];
  return {
    legend: { ...legend(colours), data: all.map((line) => line.name), type: "plain", itemWidth: 26 },
    grid: { left: 8, right: 18, top: 44, bottom: 20, containLabel: true },
    tooltip: {
      ...tooltip(colours),
      axisPointer: { lineStyle: { color: colours.quiet } },
      formatter: (hits: { dataIndex: number }[]) => {
        const at = hits[0]?.dataIndex ?? -1;
        const shown = all.map((line) => [line.name, line.values[at] == null ? "–" : exact(line.values[at])] as const);
        return x[at] === undefined ? "" : tip(`${axis} ${x[at]}`, shown);
      },
    },
    xAxis: { ...categories(x, colours, width), boundaryGap: false, name: axis, nameLocation: "middle", nameGap: 24, nameTextStyle: { color: colours.quiet, fontSize: 11 } },
    yAxis: { ...valueAxis(colours), scale: !isFromZero },
    series: [
      ...marks.flatMap(({ y }) => (y === undefined ? [] : [unseen(x.map(() => toPixels(y)))])),
      ...all.map((line, at) => ({
        name: line.name,
        type: "line",
        step: line.isStep ? "middle" : false,
        // Not by colour alone: each line has a stroke and a symbol of its own.
        symbol: SYMBOLS[at % SYMBOLS.length],
        symbolSize: x.length > 60 ? 0 : 6,
        lineStyle: { width: 2, type: LOOKS[at % LOOKS.length] },
        itemStyle: { color: tints[at % tints.length] },
        emphasis: { disabled: true },
        ...(line.isArea ? { areaStyle: { opacity: 0.16 } } : {}),
        data: line.values.map(place),
        ...(at === 0 ? { markLine: markLine(marks, colours) } : {}),
      })),
    ],
  };
}

/** The axis reaches as far as a series does, and not as far as a mark. */
function unseen(data: readonly number[]): Option {
  return { type: "line", data, silent: true, symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false } };
}

function markLine(marks: readonly Mark[], colours: Palette): Option {
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: colours.negative, type: "dashed", width: 1.5 },
    label: { show: true, color: colours.negative, fontSize: 11, formatter: "{b}" },
    data: marks.map(({ name, x, y }) =>
      x === undefined
        ? { name, yAxis: toPixels(y ?? "0"), label: { position: "insideEndTop" } }
        : { name, xAxis: x, label: { position: "insideEndTop", rotate: 0, align: "right", distance: 6 } },
    ),
  };
}
