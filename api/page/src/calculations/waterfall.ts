/** Bars that stand on each other: how parts make up a total. */

import { type Option, type Palette, tip, tooltip } from "../charts";
import { MINUS, toPixels } from "../money";
import { type Plot, categories, exact, short, valueAxis } from "./drawing";

export interface Step {
  readonly name: string;
  /** Decimal text as the server sent it; an `out` is sent without sign. */
  readonly text: string;
  /** A total stands on the ground; the others stand on what is before them. */
  readonly kind: "total" | "in" | "out" | "change";
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Where each bar begins and ends, in units of the axis. */
export function ranges(steps: readonly Step[]): Range[] {
  let level = 0;
  return steps.map(({ text, kind }) => {
    const size = toPixels(text);
    const from = kind === "total" ? 0 : level;
    level = kind === "out" ? from - size : from + size;
    return { from, to: level };
  });
}

export function signed({ text, kind }: Step, shown: (text: string) => string): string {
  if (kind === "total") return shown(text);
  const isDown = (kind === "out") !== text.startsWith("-");
  const size = shown(text.replace(/^-/, ""));
  return /^[0.]*$/.test(size) ? size : `${isDown ? MINUS : "+"}${size}`;
}

export function waterfall(title: string, summary: string, steps: readonly Step[], isWarning = false): Plot {
  return { title, summary, isWarning, option: (colours, width) => option(steps, colours, width) };
}

function option(steps: readonly Step[], colours: Palette, width: number): Option {
  const all = ranges(steps);
  const low = all.map(({ from, to }) => Math.min(from, to));
  const high = all.map(({ from, to }) => Math.max(from, to));
  const colour = (step: Step): string =>
    step.kind === "total" ? colours.gap : (step.kind === "out") !== step.text.startsWith("-") ? colours.outflow : colours.inflow;
  const said = ({ dataIndex }: { dataIndex: number }): string => (steps[dataIndex] ? signed(steps[dataIndex], short) : "");
  const bar = (name: string, values: number[]): Option => ({
    name,
    type: "bar",
    stack: "bars",
    barMaxWidth: 46,
    barCategoryGap: "28%",
    emphasis: { disabled: true },
    data: values.map((value, at) => ({ value, itemStyle: { color: name === "ground" ? "transparent" : colour(steps[at]!) } })),
    // The part above zero is the last on the stack, so its top is the top of the bar, or the zero line.
    ...(name === "above" ? { label: { show: true, position: "top", color: colours.ink, fontSize: 11, formatter: said }, labelLayout: { hideOverlap: true } } : {}),
  });
  return {
    grid: { left: 8, right: 12, top: 22, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltip(colours),
      axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
      formatter: (hits: { dataIndex: number }[]) => {
        const step = steps[hits[0]?.dataIndex ?? -1];
        return step ? tip(step.name.replace("\n", " "), [["", signed(step, exact)]]) : "";
      },
    },
    xAxis: categories(steps.map((step) => step.name), colours, width),
    yAxis: valueAxis(colours),
    series: [
      // What is above zero and what is below are stacked apart, so a bar across zero has two parts and no ground.
      bar("ground", low.map((from, at) => (from >= 0 ? from : high[at]! <= 0 ? high[at]! : 0))),
      bar("below", low.map((from, at) => Math.min(0, from - Math.min(0, high[at]!)))),
      bar("above", low.map((from, at) => Math.max(0, high[at]! - Math.max(0, from)))),
    ],
  };
}
