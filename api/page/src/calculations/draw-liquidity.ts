/** Charts of gaps, buffers, days and cash flows. */

import { tick } from "../buckets";
import { type JsonObject, decimal, rowsOf, text } from "./api";
import { bars } from "./bars";
import { CHARTS as C } from "./chart-texts";
import { part } from "./draw-ratios";
import { type Drawing, exact } from "./drawing";
import { type Rung, ladder } from "./ladder";
import { lines } from "./lines";
import { words } from "./texts";

const FLOWS_MAX = 60;

export function gap(asked: JsonObject, result: JsonObject): Drawing[] {
  if ("gaps" in result) return [gapLadder(C.gapByBucket, result, asked)];
  // Of flows: a view for each rule set, in each of them a row for each currency and member.
  return Object.entries(result).flatMap(([view, value]) =>
    rowsOf(value)
      .filter((row) => "gaps" in row)
      .map((row) => {
        const members = Object.entries(row).flatMap(([key, member]) => (typeof member === "string" && !/_(pct|exact)$/.test(key) && decimal(member) === null ? [member] : []));
        return gapLadder(C.gapOf([words(view).toLowerCase(), ...members].join(", ")), row, row);
      }),
  );
}

function gapLadder(title: string, result: JsonObject, flows: JsonObject): Drawing {
  const [gaps, cumulative, inflow, outflow] = [part(result, "gaps"), part(result, "cumulative"), part(flows, "inflow"), part(flows, "outflow")];
  const rungs = Object.keys(gaps).map(
    (bucket): Rung => ({
      name: tick(bucket),
      inflow: decimal(inflow[bucket]),
      outflow: decimal(outflow[bucket]),
      gap: decimal(gaps[bucket]),
      cumulative: decimal(cumulative[bucket]),
    }),
  );
  return ladder(title, rungs);
}

export function survivalHorizon(_: JsonObject, result: JsonObject): Drawing[] {
  const path = rowsOf(result["path"]);
  if (path.length === 0) return [];
  const days = text(result["horizon_days"]);
  const whole = result["is_whole_range"] === true;
  return [
    lines({
      title: C.survival,
      summary: C.lasts(days, whole),
      isWarning: !whole,
      axis: C.day,
      x: path.map((row) => text(row["day"])),
      lines: [
        { name: C.capacity, values: path.map((row) => decimal(row["counterbalancing_capacity"])), isStep: true },
        { name: C.cumulativeNetFlow, values: path.map((row) => decimal(row["cumulative_net_flow"])) },
        { name: C.surplus, values: path.map((row) => decimal(row["surplus"])), isArea: true },
      ],
      marks: days === "" || days === "0" || whole ? [] : [{ name: C.horizon(days), x: days }],
    }),
  ];
}

export function intraday(asked: JsonObject, result: JsonObject): Drawing[] {
  const path = Array.isArray(result["net_path"]) ? result["net_path"] : [];
  const times = rowsOf(asked["payments"]).map((row) => text(row["time"]));
  const marks = rowsOf(result["throughput"]);
  if (path.length === 0) return [];
  const worst = part(result, "largest_negative_at");
  return [
    lines({
      title: C.intradayNet,
      summary: C.largestUse(exact(text(result["largest_negative_net_cumulative"])), text(worst["time"]) || "–", exact(decimal(result["headroom"]) ?? "0")),
      axis: C.paymentAt,
      x: path.map((_, at) => times[at] ?? String(at + 1)),
      lines: [{ name: C.netPosition, values: path.map(decimal), isArea: true }],
    }),
    ...(marks.length === 0
      ? []
      : [
          lines({
            title: C.throughput,
            summary: C.throughputAbout,
            axis: C.by,
            x: marks.map((row) => text(row["time"])),
            lines: [{ name: C.sent, values: marks.map((row) => decimal(row["pct"])), isArea: true }],
          }),
        ]),
  ];
}

export function reserveTiers(_: JsonObject, result: JsonObject): Drawing[] {
  const tiers = rowsOf(result["tiers"]).filter((row) => decimal(row["cumulative_amount"]) !== null);
  if (tiers.length === 0) return [];
  const failing = tiers.filter((row) => row["meets_target"] === false).map((row) => text(row["tier"]));
  return [
    bars({
      title: C.tiers,
      summary: failing.length > 0 ? C.tierFails(failing.join(", ")) : C.tiersCover,
      isWarning: failing.length > 0,
      names: tiers.map((row) => text(row["name"]) || C.tier(text(row["tier"]))),
      series: [
        { name: C.reserveCumulative, values: tiers.map((row) => decimal(row["cumulative_amount"])) },
        { name: C.outflow, values: tiers.map((row) => decimal(row["outflow"])) },
      ],
    }),
  ];
}

export function positionForecast(_: JsonObject, result: JsonObject): Drawing[] {
  const path = rowsOf(result["path"]);
  if (path.length === 0) return [];
  const line = (name: string, key: string) => ({ name, values: path.map((row) => decimal(row[key])) });
  const band = path.some((row) => decimal(row["low"]) !== null) ? [line(C.low, "low"), line(C.high, "high")] : [];
  return [
    lines({
      title: C.positionToCome,
      summary: C.closing(exact(text(result["closing"]))),
      axis: C.day,
      x: path.map((row) => text(row["date"]) || text(row["day"])),
      lines: [line(C.position, "position"), ...band],
    }),
  ];
}

/** Interest and principal by date; of other contracts the payoff of each event. */
export function cashflows(_: JsonObject, result: JsonObject): Drawing[] {
  const all = rowsOf(result["flows"]);
  const flows = all.slice(0, FLOWS_MAX);
  if (flows.length === 0) return [];
  const isLoan = "principal" in (flows[0] ?? {});
  const keys = isLoan ? ["interest", "principal"] : ["payoff"];
  return [
    bars({
      title: isLoan ? C.instalments : C.payoffs,
      summary: isLoan ? C.instalmentSums(exact(text(result["total_interest"])), exact(text(result["total_principal"]))) : C.events(all.length, flows.length),
      names: flows.map((row) => (isLoan ? text(row["date"]) : `${text(row["eventType"])} ${text(row["eventDate"]).slice(0, 10)}`)),
      series: keys.map((key) => ({ name: words(key), values: flows.map((row) => decimal(row[key])) })),
      isStacked: isLoan,
    }),
  ];
}
