/** Exact figures of limits for reading. Rounded down, so that what is below a limit never looks like the limit. */

import { MINUS, grouped, parse } from "./money";
import type { Alert, LimitFacts } from "./wire";

const RATIOS: ReadonlySet<string> = new Set(["lcr", "nsfr"]);

/** `text`, a decimal or `n/d`, times `factor`, down to two digits: decimal text. Throws RangeError for what is neither. */
export function floored(text: string, factor = 1n): string {
  const [top = "", bottom = "1"] = text.split("/");
  const [over, under] = [parse(top), parse(bottom)];
  if (under.units <= 0n) throw new RangeError(`not a fraction: ${JSON.stringify(text)}`);
  const whole = over.units * factor * 100n * 10n ** BigInt(under.scale);
  const divisor = under.units * 10n ** BigInt(over.scale);
  const down = whole / divisor - (whole % divisor < 0n ? 1n : 0n);
  const digits = (down < 0n ? -down : down).toString().padStart(3, "0");
  return `${down < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** A share as per cent: "0.875" and "7/8" become "87.50%". */
export const percent = (text: string): string => `${grouped(floored(text, 100n))}%`;

/** What is per cent already: "131.428571" becomes "131.42%". */
export const percentage = (text: string): string => `${grouped(floored(text))}%`;

/** A figure of this metric in its unit: a ratio as per cent, an amount as money. */
export const inUnits = (metric: string, text: string): string => (RATIOS.has(metric) ? percent(text) : grouped(floored(text)));

/** "at least 100.00%", and where there are two edges both. */
export function edges(metric: string, minimum: string | null | undefined, maximum: string | null | undefined): string {
  const found = [minimum == null ? "" : `≥ ${inUnits(metric, minimum)}`, maximum == null ? "" : `≤ ${inUnits(metric, maximum)}`];
  return found.filter(Boolean).join(", ");
}

const isZero = (text: string | null | undefined): boolean => text != null && /^-?[0.]+$/.test(text);

/** What is left to the limit: as a share of it, or as an amount where the limit is 0; with its sign. */
export function headroom(facts: Pick<LimitFacts, "minimum" | "maximum" | "headroom">): string {
  if (facts.headroom == null) return "–";
  const shown = isZero(facts.minimum) || isZero(facts.maximum) ? grouped(floored(facts.headroom)) : percent(facts.headroom);
  return shown.startsWith(MINUS) || isZero(floored(facts.headroom)) ? shown : `+${shown}`;
}

/** An alert on a limit that a figure is held against; a large withdrawal is one of an entry, and shown as those are. */
export function limitOf(alert: Alert): LimitFacts | null {
  const { limit } = alert;
  return limit && limit.cause == null && limit.metric !== "large-withdrawal" ? limit : null;
}
