/** Charts of the ratios: what stock and flows are made of, and what moved them. */

import { type Json, type JsonObject, decimal, isObject, rowsOf, text } from "./api";
import { type BarsModel, bars } from "./bars";
import { CHARTS as C } from "./chart-texts";
import { type Drawing, exact, short } from "./drawing";
import { pareto } from "./pareto";
import { words } from "./texts";
import { type Step, waterfall } from "./waterfall";

type Kind = Step["kind"];

/** The steps whose figure the result has; those of `optional` only where it is not zero. */
export function steps(result: JsonObject, wanted: readonly (readonly [name: string, key: string, kind: Kind])[], optional: ReadonlySet<string> = new Set()): Step[] {
  return wanted.flatMap(([name, key, kind]) => {
    const found = decimal(result[key]);
    return found === null || (optional.has(key) && /^-?[0.]*$/.test(found)) ? [] : [{ name, text: found, kind }];
  });
}

const percent = (value: Json | undefined): string => (decimal(value) === null ? C.notComputable : `${short(decimal(value) ?? "")} %`);

export function lcr(_: JsonObject, result: JsonObject): Drawing[] {
  const isAdequacy = "hqlaar_pct" in result;
  if (!isAdequacy && !("lcr_pct" in result)) return [];
  const name = isAdequacy ? "HQLAAR" : "LCR";
  const binding = [
    ["cap15_binding", C.cap15],
    ["cap40_binding", C.cap40],
    ["inflow_cap_binding", C.capInflows],
  ].flatMap(([key, what]) => (key && result[key] === true ? [what] : []));
  const verdict = result["meets_minimum"] === false ? C.isBelow : result["meets_minimum"] === true ? C.isMet : "";
  const caps = binding.length > 0 ? C.binding(binding.join(", ")) : C.noCap;
  const summary = `${name} ${percent(result[isAdequacy ? "hqlaar_pct" : "lcr_pct"])}${verdict}. ${caps}`;
  const stock = steps(
    result,
    [
      [C.level1, "level1", "in"],
      [C.level2a, "level2a", "in"],
      [C.level2b, "level2b", "in"],
      [isAdequacy ? C.level2Recognised : C.level2, isAdequacy ? "level2_recognised" : "level2", "in"],
      [C.stepCap15, "cap15_adjustment", "out"],
      [C.stepCap40, "cap40_adjustment", "out"],
      [C.floor, "stock_floor_amount", "in"],
      [C.stock, "hqla_stock", "total"],
      [C.outflows, "total_outflows", "total"],
      [C.inflowsRecognised, "recognised_inflows", "out"],
      [C.netOutflows, "net_outflows", "total"],
    ],
    new Set(["cap15_adjustment", "cap40_adjustment", "stock_floor_amount", "level2b"]),
  );
  const inflows: BarsModel = {
    title: C.inflowsTitle,
    summary: result["inflow_cap_binding"] === true ? C.inflowCapBinds : C.inflowCapFree,
    isWarning: result["inflow_cap_binding"] === true,
    names: [C.inflows, C.cap, C.recognised],
    series: [{ name: C.amount, values: ["total_inflows", "inflow_cap", "recognised_inflows"].map((key) => decimal(result[key])) }],
  };
  return [waterfall(C.coverage(name), summary, stock, result["meets_minimum"] === false), bars(inflows)];
}

/** What the sides of a ratio of weighted lines are called in its result: [record, total, name of the total]. */
const SIDES: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  nsfr_pct: [["asf", "asf_total", C.asf], ["rsf", "rsf_total", C.rsf]],
  lmr_pct: [["sources", "weighted_sources", C.sources], ["uses", "weighted_uses", C.uses]],
  liquidity_ratio_pct: [["assets", "liquid_assets", C.liquidAssets], ["liabilities", "liquid_liabilities", C.liquidLiabilities]],
};

const PARTS_MAX = 8;

export function weightedLines(_: JsonObject, result: JsonObject): Drawing[] {
  const [ratio, sides] = Object.entries(SIDES).find(([key]) => key in result) ?? [];
  if (ratio === undefined || sides === undefined) return [];
  const name = words(ratio.replace("_pct", ""));
  const minimum = decimal(result["minimum_pct"]);
  const against = minimum === null ? "" : C.minimumIs(exact(minimum));
  const summary = `${name} ${percent(result[ratio])}${against}.`;
  const lines = rowsOf(result["lines"]);
  const isWarning = result["meets_minimum"] === false;
  const whole = sides.flatMap(([, key, title]) => steps(result, [[title, key, "total"]]));
  return [
    waterfall(C.bothSides(name), summary, whole, isWarning),
    ...sides.flatMap(([record, key, title]) => {
      const own = lines.filter((line) => text(line["record"]).startsWith(`${record}[`) && !/^-?[0.]*$/.test(text(line["weighted"])));
      if (own.length === 0 || own.length > PARTS_MAX) return [];
      const parts = own.map((line): Step => ({ name: text(line["code"]), text: decimal(line["weighted"]) ?? "0", kind: "change" }));
      const heading = title.replace("\n", " ");
      return [waterfall(C.weightedLines(heading), `${heading} ${exact(text(result[key]))}.`, [...parts, ...steps(result, [[title, key, "total"]])])];
    }),
  ];
}

export function concentration(_: JsonObject, result: JsonObject): Drawing[] {
  if ("customers" in result) return population(C.largest, result);
  return rowsOf(result["populations"]).flatMap((one) => {
    const members = Object.entries(one).flatMap(([key, value]) => (typeof value === "string" && decimal(value) === null && !key.endsWith("_exact") ? [value] : []));
    return population(C.largestOf(members.join(", ")), one);
  });
}

function population(title: string, result: JsonObject): Drawing[] {
  const holders = rowsOf(result["customers"]).flatMap((row) => {
    const amount = decimal(row["amount"]);
    return amount === null
      ? []
      : [{ name: text(row["customer"]), amount, share_pct: decimal(row["share_pct"]), cumulative_share_pct: decimal(row["cumulative_share_pct"]) }];
  });
  if (holders.length === 0) return [];
  return [pareto(title, C.together(percent(result["top_share_pct"]), exact(text(result["total"]))), holders)];
}

export function indicators(_: JsonObject, result: JsonObject): Drawing[] {
  const rows = rowsOf(result["indicators"]).filter((row) => "ratio_pct" in row);
  if (rows.length === 0) return [];
  const mark = (row: JsonObject): string => (text(row["higher_is"]) === "less liquid" ? "↓" : "↑");
  return [
    bars({
      title: C.indicators,
      summary: C.indicatorsAbout,
      names: rows.map((row) => `${words(text(row["indicator"]))} ${mark(row)}`),
      series: [{ name: C.perCent, values: rows.map((row) => decimal(row["ratio_pct"])) }],
    }),
  ];
}

/** From before to after, a step for each cause; for ratios also the amounts on both sides. */
export function explainChange(_: JsonObject, result: JsonObject): Drawing[] {
  const figure = text(result["figure"]);
  const causes = rowsOf(result["causes"]);
  const isRatio = decimal(result[`${figure}_before_pct`]) !== null && decimal(result[`${figure}_after_pct`]) !== null;
  const unit = isRatio ? "_pct" : "";
  const [before, after] = [decimal(result[`${figure}_before${unit}`]), decimal(result[`${figure}_after${unit}`])];
  const found: Drawing[] = [];
  if (before !== null && after !== null) {
    const key = isRatio ? "ratio_share_pct" : figure;
    const parts = causes.flatMap((cause): Step[] => {
      const share = decimal(cause[key]);
      return share === null ? [] : [{ name: words(text(cause["cause"]).toLowerCase()), text: share, kind: "change" }];
    });
    const all: Step[] = [{ name: C.before, text: before, kind: "total" }, ...parts, { name: C.after, text: after, kind: "total" }];
    const residual = text(result["residual_exact"]);
    const left = residual === "0/1" ? C.nothingLeft : C.leftOver(residual);
    found.push(waterfall(C.byCause(words(figure), isRatio), C.fromTo(exact(before), exact(after), left), all));
  }
  const sides = Object.keys(causes[0] ?? {}).filter((key) => key !== "cause" && key !== "ratio_share_pct" && key !== figure);
  if (isRatio && sides.length > 0) {
    found.push(
      bars({
        title: C.amountsByCause,
        summary: sides.map((side) => `${words(side)}: ${exact(decimal(result[`${side}_change`]) ?? "0")}`).join("; "),
        names: causes.map((cause) => words(text(cause["cause"]).toLowerCase())),
        series: sides.map((side) => ({ name: words(side), values: causes.map((cause) => decimal(cause[side])) })),
      }),
    );
  }
  return found;
}

/** The nested object under `key`, or an empty one. */
export const part = (result: JsonObject, key: string): JsonObject => {
  const found = result[key];
  return isObject(found) ? found : {};
};
