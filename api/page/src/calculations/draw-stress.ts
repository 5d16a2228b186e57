/** Charts of stress, limits, warnings and emergency funding. */

import { toPixels } from "../money";
import { type JsonObject, decimal, rowsOf, text } from "./api";
import { bars } from "./bars";
import { type Bullet, bullets } from "./bullets";
import { CHARTS as C } from "./chart-texts";
import { type Drawing, exact, short } from "./drawing";
import { heatmap } from "./heatmap";
import { lines } from "./lines";
import { words } from "./texts";

export function stress(_: JsonObject, result: JsonObject): Drawing[] {
  return runsOf(rowsOf(result["runs"]), "run_id");
}

export function scenario(_: JsonObject, result: JsonObject): Drawing[] {
  return runsOf(rowsOf(result["scenarios"]), "scenario_id");
}

function runsOf(rows: readonly JsonObject[], id: string): Drawing[] {
  const runs = rows.filter((run) => "cover" in run);
  if (runs.length === 0) return [];
  const failed = runs.filter((run) => run["passes"] === false).map((run) => text(run[id]));
  const cells = runs.map((run) => {
    const cover = decimal(run["cover"]);
    return {
      row: text(run["severity"]),
      column: C.days(text(run["horizon_days"])),
      text: cover === null ? "–" : `${short(cover)} ×`,
      passes: run["passes"] === true,
      strength: cover === null ? 0 : Math.min(1, toPixels(cover) / 4),
      detail: C.netOf(text(run[id]), exact(decimal(run["net"]) ?? "0")),
    };
  });
  return [
    heatmap(C.cover, failed.length > 0 ? C.fails(failed.join(", ")) : runs.length === 1 ? C.onePasses : C.allPass(runs.length), C.severity, cells, failed.length > 0),
    bars({
      title: C.availableAndNeed,
      summary: C.availableAndNeedAbout,
      names: runs.map((run) => text(run[id])),
      series: ["available", "need"].map((key) => ({ name: words(key), values: runs.map((run) => decimal(run[key])) })),
    }),
  ];
}

export function reverseStress(_: JsonObject, result: JsonObject): Drawing[] {
  const found: Drawing[] = [];
  const breaking = decimal(result["breaking_run_off_pct"]);
  if (breaking !== null) {
    found.push(
      bars({
        title: C.distance,
        summary: C.mayRunOff(short(breaking), short(decimal(result["run_off_multiple"]) ?? "–")),
        names: [C.scenarioRunOff, C.breakingRunOff],
        series: [{ name: C.percentOfDeposits, values: [decimal(result["scenario_run_off_pct"]), breaking] }],
      }),
    );
  }
  const days = rowsOf(result["days"]).filter((row) => decimal(row["net"]) !== null);
  if (days.length > 0) {
    const broken = text(result["broken_on_day"]);
    found.push(
      lines({
        title: C.replay,
        summary: broken === "" ? C.doesNotBreak : C.breaksOn(broken),
        isWarning: broken !== "",
        axis: C.day,
        x: days.map((row) => text(row["day"])),
        lines: ["available", "need", "net"].filter((key) => decimal(days[0]?.[key]) !== null).map((key) => ({ name: words(key), values: days.map((row) => decimal(row[key])) })),
        marks: broken === "" ? [] : [{ name: C.broken(broken), x: broken }],
      }),
    );
  }
  const limits = rowsOf(result["limits"]).filter((row) => decimal(row["amount"]) !== null && "count" in row);
  if (limits.length > 0) {
    found.push(
      bars({
        title: C.smallestSum,
        summary: limits.map((row) => `${text(row["limit"])}: ${words(text(row["state"]).toLowerCase()).toLowerCase()}`).join("; "),
        names: limits.map((row) => text(row["limit"])),
        series: [{ name: C.withdrawn, values: limits.map((row) => decimal(row["amount"])) }],
      }),
    );
  }
  return found;
}

export function limits(asked: JsonObject, result: JsonObject): Drawing[] {
  const given = new Map(rowsOf(asked["limits"]).map((row) => [text(row["limit_id"]), row]));
  const all = rowsOf(result["limits"]).map((row): Bullet => {
    const side = text(row["side"]);
    const own = given.get(text(row["limit_id"])) ?? {};
    const room = decimal(row["headroom_pct"]);
    const value = decimal(own["value"]);
    const limit = decimal(own[side]);
    return {
      name: [text(row["limit_id"]), words(text(row["metric"])), text(row["scope"])].filter(Boolean).join(" · "),
      light: text(row["light"]),
      detail: value === null || limit === null ? side : C.against(short(value), side === "maximum", exact(limit)),
      headroom_pct: room,
      headroom: room === null ? C.noHeadroom : C.headroom(short(room)),
    };
  });
  return all.length === 0 ? [] : [bullets(C.headroomTitle, C.worstLight(text(result["worst"]).toLowerCase()), all, text(result["worst"]) !== "GREEN")];
}

export function fundingGates(_: JsonObject, result: JsonObject): Drawing[] {
  const gates = rowsOf(result["gates"]);
  if (gates.length === 0) return [];
  const unmet = decimal(result["unmet"]);
  return [
    bars({
      title: C.gates,
      summary: C.raised(exact(text(result["raised"])), exact(text(result["need"]))),
      isWarning: unmet !== null && !/^0(\.0*)?$/.test(unmet),
      names: gates.map((row) => `${text(row["gate"])}: ${text(row["name"])}`),
      series: ["capacity", "use"].map((key) => ({ name: words(key), values: gates.map((row) => decimal(row[key])) })),
    }),
  ];
}

export function contingencyPlan(_: JsonObject, result: JsonObject): Drawing[] {
  const path = rowsOf(result["path"]);
  if (path.length === 0) return [];
  const below = text(result["days_below"]);
  return [
    lines({
      title: C.plan,
      summary: C.covered(below, exact(text(result["need"])), exact(text(result["raised"]))),
      isWarning: below !== "0",
      axis: C.day,
      x: path.map((row) => text(row["day"])),
      lines: [
        { name: C.before, values: path.map((row) => decimal(row["before"])) },
        { name: C.after, values: path.map((row) => decimal(row["after"])), isArea: true },
      ],
    }),
  ];
}

export function earlyWarning(_: JsonObject, result: JsonObject): Drawing[] {
  const rows = rowsOf(result["indicators"]).filter((row) => decimal(row["contribution"]) !== null);
  if (rows.length === 0) return [];
  return [
    bars({
      title: C.score,
      summary: C.scored(exact(text(result["score"])), text(result["level"]).toLowerCase()),
      isWarning: text(result["level"]) !== "NORMAL",
      names: rows.map((row) => text(row["name"])),
      series: [{ name: C.contribution, values: rows.map((row) => decimal(row["contribution"])) }],
    }),
  ];
}

export function trend(asked: JsonObject, result: JsonObject): Drawing[] {
  const given = "values" in asked ? [asked] : rowsOf(asked["metrics"]);
  const found = "slope" in result ? [result] : rowsOf(result["metrics"]);
  return given.flatMap((one, at) => trendOf(one, found[at] ?? {}));
}

function trendOf(asked: JsonObject, result: JsonObject): Drawing[] {
  const values = Array.isArray(asked["values"]) ? asked["values"] : [];
  if (values.length === 0) return [];
  const bounds = (["minimum", "maximum"] as const).flatMap((side) => {
    const y = decimal(asked[side]);
    return y === null ? [] : [{ name: C[side](exact(y)), y }];
  });
  const days = text(result["days_to_breach"]);
  return [
    lines({
      title: C.observations(text(asked["metric"])),
      summary: C.slope(short(text(result["slope"])), days),
      isWarning: days !== "",
      axis: C.observation,
      x: values.map((_, place) => String(place + 1)),
      lines: [{ name: C.value, values: values.map(decimal) }],
      marks: bounds,
      isFromZero: false,
    }),
  ];
}

export function liquidityAtRisk(asked: JsonObject, result: JsonObject): Drawing[] {
  const quantiles = rowsOf(result["distribution"]);
  if (quantiles.length === 0) return [];
  const y = decimal(result["liquidity_at_risk"]);
  return [
    lines({
      title: C.distribution,
      summary: C.atConfidence(text(asked["confidence"]), short(y ?? "–"), short(text(result["mean"]))),
      axis: C.quantile,
      x: quantiles.map((row) => text(row["quantile"])),
      lines: [{ name: C.outflow, values: quantiles.map((row) => decimal(row["outflow"])), isArea: true }],
      marks: y === null ? [] : [{ name: C.atRisk, y }],
    }),
  ];
}
