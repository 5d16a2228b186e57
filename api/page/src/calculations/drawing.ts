/** What a chart of a result is, and the small things that all kinds of them share. */

import { type Option, type Palette, axisStyle, moneyAxis } from "../charts";
import { MINUS, axisLabel, grouped, toPixels } from "../money";

export interface Drawn {
  readonly title: string;
  /** What the chart shows, in words: for the eye above it, for a screen reader in its stead. */
  readonly summary: string;
  readonly isWarning?: boolean;
}

/** A chart that ECharts draws; `width` is that of its box in pixels. */
export interface Plot extends Drawn {
  readonly height?: number;
  readonly option: (colours: Palette, width: number) => Option;
}

/** A chart of few cells that HTML draws better. */
export interface Picture extends Drawn {
  readonly build: () => HTMLElement;
}

export type Drawing = Plot | Picture;

export const isPlot = (drawing: Drawing): drawing is Plot => "option" in drawing;

/** "1695.000000" becomes "1,695": the same number without zeros at its end. What is no number stays as it is. */
export function exact(text: string): string {
  if (!/^-?[0-9]+(\.[0-9]+)?$/.test(text)) return text === "" ? "–" : text;
  return grouped(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

const LABEL_MAX = 8;

/** For a label at a bar or a line of words: exact if it is short, else as axes have it. The tables have all digits. */
export function short(text: string): string {
  const all = exact(text);
  if (!Number.isFinite(toPixels(text)) || text === "") return all;
  const isRound = !all.includes(".") || all.split(".")[1]!.length <= 2;
  return all.length <= LABEL_MAX && isRound ? all : tick(toPixels(text));
}

/** Rates are small: two digits after the point would make them all alike. */
function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return axisLabel(value);
  return `${value < 0 ? MINUS : ""}${Number(size.toPrecision(3))}`;
}

export function valueAxis(colours: Palette): Option {
  const style = moneyAxis(colours);
  return { ...style, axisLabel: { ...(style["axisLabel"] as Option), formatter: tick } };
}

/** A place on an axis; null leaves a hole there. */
export const place = (text: string | null): number | null => (text === null ? null : toPixels(text));

export function categories(names: readonly string[], colours: Palette, width: number, margin = 8): Option {
  const room = Math.max(0, width - 70) / Math.max(1, names.length);
  const isTight = names.some((name) => Math.max(...name.split("\n").map((line) => line.length)) * 6.2 > room);
  return {
    ...axisStyle(colours),
    type: "category",
    data: names,
    axisLabel: {
      color: colours.quiet,
      fontSize: 11,
      lineHeight: 13,
      margin,
      hideOverlap: false,
      interval: names.length > 30 ? "auto" : 0,
      rotate: isTight ? 40 : 0,
      ...(isTight ? { width: 110, overflow: "truncate" } : {}),
    },
  };
}
