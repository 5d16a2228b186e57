/** What the LCR of one scope is made of: levels, caps, outflows and inflows as a waterfall, with all digits beside it. */

import { type Plot, short } from "../calculations/drawing";
import { type Step, waterfall } from "../calculations/waterfall";
import { percentage } from "../limit-facts";
import { add, format, grouped, parse } from "../money";
import { number, plain, table } from "../table";
import type { RatioRow } from "./api";
import { T, oneLine, scopeName } from "./words";

const isZero = (text: string): boolean => /^-?[0.]*$/.test(text);

/** The steps whose amounts the row has; a cap only where it takes something. */
export function steps(row: RatioRow): Step[] {
  const wanted: readonly (readonly [string, string | null | undefined, Step["kind"], boolean?])[] = [
    [T.steps.level1, row.level1, "in"],
    [T.steps.level2a, row.level2a, "in"],
    [T.steps.level2b, row.level2b, "in"],
    [T.steps.cap15, row.cap15_adjustment, "out", true],
    [T.steps.cap40, row.cap40_adjustment, "out", true],
    [T.steps.stock, row.numerator, "total"],
    [T.steps.outflows, row.outflows, "total"],
    [T.steps.inflows, row.recognised_inflows, "out"],
    [T.steps.net, row.denominator, "total"],
  ];
  return wanted.flatMap(([name, text, kind, isOptional]) => (text == null || (isOptional && isZero(text)) ? [] : [{ name, text, kind }]));
}

/** @param isNarrow labels stand askew then, and have one line each */
export function drawn(row: RatioRow, isNarrow: boolean): Plot {
  const caps = [row.cap15_adjustment, row.cap40_adjustment].flatMap((text) => (text == null ? [] : [parse(text)]));
  const taken = format(caps.reduce(add, { units: 0n, scale: 0 }));
  const said = [
    T.madeOf(scopeName(row), row.ratio_pct === null ? T.notComputable : percentage(row.ratio_pct)),
    isZero(taken) ? "" : T.capsTake(`${row.currency} ${short(taken)}`),
    row.inflow_cap_binds == null ? "" : row.inflow_cap_binds ? T.capBinds : T.capFree,
  ];
  const all = steps(row).map((step) => ({ ...step, name: isNarrow ? oneLine(step.name) : step.name }));
  return waterfall(T.made, said.filter(Boolean).join(" "), all, row.meets_minimum === false);
}

export function figures(row: RatioRow): HTMLElement {
  const further: readonly (readonly [string, string | null | undefined])[] = [
    [T.allInflows, row.inflows],
    [T.inflowCap, row.inflow_cap],
    [T.surplus, row.surplus],
  ];
  const rows = [...steps(row).map(({ name, text }) => [oneLine(name), text] as const), ...further.flatMap(([name, text]) => (text == null ? [] : [[name, text] as const]))];
  return table(T.made, [T.line, `${T.amount} ${row.currency}`], rows.map(([name, text]) => [plain(name), number(grouped(text))]));
}
