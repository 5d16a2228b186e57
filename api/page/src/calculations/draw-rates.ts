/** Charts of rate risk, transfer prices and capital. */

import { toPixels } from "../money";
import { type JsonObject, decimal, rowsOf, text } from "./api";
import { bars } from "./bars";
import { CHARTS as C } from "./chart-texts";
import { part, steps } from "./draw-ratios";
import { type Drawing, exact, short } from "./drawing";
import { ladder } from "./ladder";
import { lines } from "./lines";
import { words } from "./texts";
import { waterfall } from "./waterfall";

const list = (value: unknown): readonly (string | null)[] => (Array.isArray(value) ? value.map((one: string) => decimal(one)) : []);

export function repricingGap(asked: JsonObject, result: JsonObject): Drawing[] {
  const cumulative = list(result["cumulative"]);
  const given = [...rowsOf(asked["gaps"]), ...rowsOf(asked["buckets"])];
  const gaps = list(result["gaps"]);
  if (cumulative.length > 0 && given.length === cumulative.length) {
    const rungs = given.map((row, at) => ({
      name: C.years(exact(text(row["midpoint_years"]))),
      inflow: decimal(row["assets"]),
      outflow: decimal(row["liabilities"]),
      gap: decimal(row["gap"]) ?? gaps[at] ?? null,
      cumulative: cumulative[at] ?? null,
    }));
    return [ladder(C.repricingGap, rungs, { inflow: C.assets, outflow: C.liabilities }), ...perBucket(asked, result)];
  }
  return rowsOf(result["currencies"]).map((one) =>
    ladder(
      C.repricingGapIn(text(one["currency"])),
      rowsOf(one["buckets"]).map((row) => ({
        name: text(row["up_to"]),
        inflow: decimal(row["assets"]),
        outflow: decimal(row["liabilities"]),
        gap: decimal(row["gap"]),
        cumulative: decimal(row["cumulative"]),
      })),
      { inflow: C.assets, outflow: C.liabilities },
    ),
  );
}

/** The change of net interest income by bucket. */
export function perBucket(asked: JsonObject, result: JsonObject): Drawing[] {
  const given = [...rowsOf(asked["gaps"]), ...rowsOf(asked["buckets"])];
  const scenarios = Object.entries(part(result, "scenarios"));
  if (scenarios.length > 0) {
    const found = scenarios.map(([name]) => part(part(result, "scenarios"), name));
    return [
      bars({
        title: C.incomeChange,
        summary: scenarios.map(([name], at) => `${words(name)} ${short(text(found[at]?.["delta_nii"]))}`).join("; "),
        names: given.map((row) => C.years(exact(text(row["midpoint_years"])))),
        series: scenarios.map(([name], at) => ({ name: words(name), values: list(found[at]?.["per_bucket"]) })),
      }),
    ];
  }
  const values = list(result["per_bucket"]);
  if (values.length === 0) return [];
  const total = decimal(result["delta_nii"]) ?? decimal(result["net_interest_income_change"]);
  return [
    bars({
      title: C.incomeChange,
      summary: total === null ? "" : C.inAll(exact(total)),
      isWarning: total?.startsWith("-") ?? false,
      names: values.map((_, at) => (given[at] ? C.years(exact(text(given[at]["midpoint_years"]))) : String(at + 1))),
      series: [{ name: C.change, values }],
    }),
  ];
}

export function eve(asked: JsonObject, result: JsonObject): Drawing[] {
  const worst = text(result["worst_scenario"]);
  const risk = decimal(result["eve_risk_measure"]);
  const share = decimal(result["pct_of_tier1"]);
  const said = worst === "" ? "" : C.worst(words(worst).toLowerCase(), short(risk ?? "0"), share === null ? null : short(share));
  const scenarios = part(result, "scenarios");
  if (Object.keys(scenarios).length > 0) {
    const names = Object.keys(scenarios);
    const values = names.map((name) => decimal(part(scenarios, name)["delta_eve_loss"]));
    const summary = result["outlier"] === true ? `${said} ${C.outlier}` : said;
    return [bars({ title: C.lossByScenario, summary, isWarning: result["outlier"] === true, names: names.map(words), series: [{ name: C.loss, values }] })];
  }
  const [losses, together, shocks] = [part(result, "delta_eve_loss"), part(result, "aggregate_loss"), part(result, "shocks_bp")];
  if (Object.keys(together).length > 0) {
    const names = Object.keys(together);
    const series = Object.keys(losses).map((currency) => ({ name: currency, values: names.map((name) => decimal(part(losses, currency)[name])) }));
    series.push({ name: C.aggregate, values: names.map((name) => decimal(together[name])) });
    return [bars({ title: C.lossByCurrency, summary: said, names: names.map(words), series })];
  }
  const midpoints = list(asked["bucket_midpoints"]);
  if (Object.keys(shocks).length > 0 && midpoints.length > 0) {
    return [
      lines({
        title: C.shocks,
        summary: C.shocksAbout(Object.keys(shocks).length, midpoints.length),
        axis: C.midpoint,
        x: midpoints.map((midpoint) => exact(midpoint ?? "0")),
        lines: Object.entries(shocks).map(([name, values]) => ({ name: words(name), values: list(values) })),
      }),
    ];
  }
  return [];
}

export function duration(_: JsonObject, result: JsonObject): Drawing[] {
  const keys = [
    [C.repriced, "full_reprice_change"],
    [C.byDuration, "duration_only_change"],
    [C.byConvexity, "duration_convexity_change"],
  ] as const;
  const values = keys.map(([, key]) => decimal(result[key]));
  if (values.every((value) => value === null)) return [];
  return [
    bars({
      title: C.priceChange,
      summary: C.price(short(text(result["price"] ?? result["dirty_price"])), short(text(result["modified_duration"]))),
      names: keys.map(([name]) => name),
      series: [{ name: C.change, values }],
    }),
  ];
}

export function durationGap(_: JsonObject, result: JsonObject): Drawing[] {
  const values = [decimal(result["asset_duration"]), decimal(result["liability_duration"]), decimal(result["duration_gap"])];
  if (values.some((value) => value === null)) return [];
  return [
    bars({
      title: C.durations,
      summary: C.equity(short(decimal(result["equity_change"]) ?? "0")),
      isWarning: text(result["equity_change"]).startsWith("-"),
      names: [C.assets, C.liabilities, C.gap],
      series: [{ name: C.inYears, values }],
    }),
  ];
}

export function capital(asked: JsonObject, result: JsonObject): Drawing[] {
  const tiers = [["CET1", "cet1"], [C.tier1, "tier1"], [C.total, "total"]] as const;
  const ratios = tiers.map(([, key]) => decimal(result[`${key}_ratio_pct`]));
  if (ratios.every((ratio) => ratio === null)) return [];
  const minimums = part(asked, "minimums");
  // A place on the axis: the input has fractions, the result per cent.
  const places = tiers.map(([, key]) => (decimal(minimums[key]) === null ? null : toPixels(text(minimums[key])) * 100));
  const missed = tiers.filter(([, key]) => result[`${key}_meets_minimum`] === false).map(([name]) => name);
  const buffer = tiers.filter(([, key]) => result[`${key}_meets_minimum`] === true && result[`${key}_meets_minimum_and_buffer`] === false).map(([name]) => name);
  const verdict = missed.length > 0 ? C.belowMinimum(missed.join(", ")) : buffer.length > 0 ? C.intoBuffer(buffer.join(", ")) : C.minimaMet;
  const stack = [
    ...steps(result, [["CET1", "cet1", "total"]]),
    ...steps(asked, [["AT1", "at1", "in"]]),
    ...steps(result, [[C.tier1, "tier1", "total"]]),
    ...steps(asked, [[C.tier2, "tier2", "in"]]),
    ...steps(result, [[C.total, "total_capital", "total"]]),
  ];
  return [
    bars({
      title: C.capitalRatios,
      summary: verdict,
      isWarning: missed.length + buffer.length > 0,
      names: tiers.map(([name]) => name),
      series: [{ name: C.ratio, values: ratios }],
      ...(places.some((found) => found !== null) ? { against: { name: C.minimumMark, values: places } } : {}),
    }),
    waterfall(C.capitalByTier, C.capitalOver(exact(text(result["total_capital"])), exact(text(result["rwa"]))), stack),
  ];
}

export function capitalForecast(_: JsonObject, result: JsonObject): Drawing[] {
  const periods = rowsOf(result["periods"]);
  const targets = new Map(rowsOf(result["targets"]).map((row) => [text(row["tier"]), decimal(row["target_pct"])]));
  const tiers = (["cet1", "tier1", "total"] as const).filter((tier) => periods.some((row) => decimal(row[`${tier}_ratio_pct`]) !== null));
  if (periods.length === 0 || tiers.length === 0) return [];
  return [
    lines({
      title: C.capitalToCome,
      summary: C.capitalToComeAbout,
      axis: C.period,
      x: periods.map((row) => text(row["period"])),
      lines: tiers.map((tier) => ({ name: words(tier), values: periods.map((row) => decimal(row[`${tier}_ratio_pct`])) })),
      marks: tiers.flatMap((tier) => {
        const y = targets.get(tier);
        return y == null ? [] : [{ name: C.targetOf(words(tier), exact(y)), y }];
      }),
      isFromZero: false,
    }),
  ];
}

export function capitalStress(asked: JsonObject, result: JsonObject): Drawing[] {
  const all = [...steps(asked, [[C.capital, "capital", "total"]]), ...steps(result, [[C.lossAfterTax, "loss_after_tax", "out"], [C.capitalAfter, "capital_after", "total"]])];
  const ratios = ["ratio_before_pct", "ratio_after_pct", "target_pct"].map((key) => decimal(result[key]));
  const isWarning = result["meets_target"] === false;
  return [
    waterfall(C.capitalShock, C.ratioMoves(short(ratios[0] ?? "0"), short(ratios[1] ?? "0")), all, isWarning),
    bars({ title: C.ratioTarget, summary: isWarning ? C.shortBy(exact(text(result["buffer_needed"]))) : C.targetMet, isWarning, names: [C.before, C.after, C.target], series: [{ name: C.perCent, values: ratios }] }),
  ];
}

export function ftp(asked: JsonObject, result: JsonObject): Drawing[] {
  const curves = rowsOf(asked["curves"]).map((curve) => ({ name: text(curve["name"]), nodes: rowsOf(curve["nodes"]) }));
  const found: Drawing[] = curves
    .filter((curve) => curve.nodes.length > 1)
    .map((curve) =>
      lines({
        title: C.curve(curve.name),
        summary: C.curveAbout(curve.nodes.length),
        axis: C.months,
        x: curve.nodes.map((node) => exact(text(node["tenor_months"]))),
        lines: [{ name: C.rate, values: curve.nodes.map((node) => decimal(node["rate"])) }],
        isFromZero: false,
      }),
    );
  const contracts = rowsOf(result["contracts"]).filter((row) => decimal(row["ftp_rate_pct"]) !== null);
  if (contracts.length > 0) {
    const of = (name: string, key: string) => ({ name, values: contracts.map((row) => decimal(row[key])) });
    found.push(bars({ title: C.transferRates, summary: C.margins(short(text(result["margin"])), short(text(result["treasury"]))), names: contracts.map((row) => text(row["id"])), series: [of(C.base, "base_rate_pct"), of(C.transferRate, "ftp_rate_pct")] }));
  }
  return found;
}

export function pricing(_: JsonObject, result: JsonObject): Drawing[] {
  const all = steps(result, [
    [C.funds, "funds_pct", "in"],
    [C.expectedLoss, "expected_loss_pct", "in"],
    [C.cost, "cost_pct", "in"],
    [C.capitalCharge, "capital_charge_pct", "in"],
    [C.minimumRate, "minimum_rate_pct", "total"],
  ]);
  return all.length < 5 ? [] : [waterfall(C.pricing, C.minimumRateIs(exact(text(result["minimum_rate_pct"]))), all)];
}
