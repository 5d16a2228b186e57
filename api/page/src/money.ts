/**
 * Money as the wire has it: decimal strings, held as a BigInt of minor units beside its scale.
 *
 * Never a Number: a browser rounds integers above 2**53, and a bank's balance in fen is larger than that.
 * The one exception is `toPixels`, for the length of a bar. Not for rates or ratios.
 */

import { type Language, language } from "./language";

export interface Decimal {
  /** The number times 10**scale. */
  readonly units: bigint;
  /** Digits after the point. */
  readonly scale: number;
}

const FORM = /^(-?)([0-9]+)(?:\.([0-9]+))?$/;

/** U+2212: as wide as a digit and not broken from its number, unlike the hyphen. */
export const MINUS = "\u2212";

/** A decimal string, exactly. Throws RangeError for anything else ("1e3", "1,000", "", "NaN"). */
export function parse(text: string): Decimal {
  const match = FORM.exec(text);
  if (match === null) throw new RangeError(`not a decimal string: ${JSON.stringify(text)}`);
  const [, sign, whole = "", fraction = ""] = match;
  const magnitude = BigInt(whole + fraction);
  return { units: sign === "-" ? -magnitude : magnitude, scale: fraction.length };
}

/** The decimal string of a Decimal, all digits kept: `format({units: -5n, scale: 2}) === "-0.05"`. */
export function format({ units, scale }: Decimal): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The same number with at least `scale` digits after the point; never drops a digit. */
export function rescale(value: Decimal, scale: number): Decimal {
  if (scale <= value.scale) return value;
  return { units: value.units * 10n ** BigInt(scale - value.scale), scale };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: rescale(a, scale).units + rescale(b, scale).units, scale };
}

export function negate(value: Decimal): Decimal {
  return { units: -value.units, scale: value.scale };
}

/** -1, 0 or 1, as a sort function wants it. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const [left, right] = [rescale(a, scale).units, rescale(b, scale).units];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** compare() of two wire strings. */
export function compareText(a: string, b: string): number {
  return compare(parse(a), parse(b));
}

/** How many whole times `divisor` fits into the absolute value of `value`; 0 if the divisor is not positive. */
export function timesOver(value: Decimal, divisor: Decimal): bigint {
  const scale = Math.max(value.scale, divisor.scale);
  const [top, bottom] = [rescale(value, scale).units, rescale(divisor, scale).units];
  return bottom <= 0n ? 0n : (top < 0n ? -top : top) / bottom;
}

export interface Shown {
  /** "" or the minus sign. */
  readonly sign: string;
  /** Grouped in threes by commas. */
  readonly whole: string;
  /** With its point, or "" if the currency has no minor unit. */
  readonly fraction: string;
}

/** A wire string cut up for display, so that a table can align on the point. */
export function shown(text: string): Shown {
  const { units, scale } = parse(text);
  const [whole = "0", fraction] = format({ units: units < 0n ? -units : units, scale }).split(".");
  return {
    sign: units < 0n ? MINUS : "",
    whole: whole.replace(/\B(?=([0-9]{3})+$)/g, ","),
    fraction: fraction === undefined ? "" : `.${fraction}`,
  };
}

/** A wire string for reading: "-1234567.80" becomes "−1,234,567.80". */
export function grouped(text: string): string {
  const { sign, whole, fraction } = shown(text);
  return sign + whole + fraction;
}

/** For the length of a bar and nothing else: lossy above 2**53. */
export function toPixels(text: string): number {
  return Number(text);
}

const STEPS: Readonly<Record<Language, readonly (readonly [number, string])[]>> = {
  en: [[1e12, "tn"], [1e9, "bn"], [1e6, "m"], [1e3, "k"]],
  zh: [[1e12, "万亿"], [1e8, "亿"], [1e4, "万"]],
};

/** An axis label: 1500000 becomes "1.5m", or "150万". Only for axes, whose ticks are round numbers of the chart's own making. */
export function axisLabel(value: number): string {
  const size = Math.abs(value);
  const [step, unit] = STEPS[language].find(([least]) => size >= least) ?? [1, ""];
  const digits = String(Math.round((size / step) * 100) / 100);
  return `${value < 0 ? MINUS : ""}${digits}${unit}`;
}
