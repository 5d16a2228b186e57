/** What the audit panel says in words, from what the API sent. No DOM, nothing added up: the server did that. */

import { MINUS, compareText, grouped } from "./money";
import { order } from "./offsets";
import { longDay } from "./time";
import type { ContractFlow, GapContracts, GapRow, GapTotal, Offsets } from "./wire";
import { T } from "./words";

export interface Finding {
  readonly kind: "equal" | "different" | "moved";
  readonly text: string;
}

const contractsOnly = (offsets: Offsets): Offsets =>
  Object.fromEntries(Object.entries(offsets).filter(([place]) => place.startsWith("tm.in.core.contract.")));

/** The totals of one entity and currency; nought where no contract has a flow. */
export function totalOf(answer: GapContracts, entity: string, currency: string): GapTotal {
  const found = answer.totals.find((total) => total.entity === entity && total.currency === currency);
  return found ?? { entity, currency, inflow: "0", outflow: "0", gap: "0", contracts: 0, distinct_contracts: 0 };
}

/**
 * Whether the contracts add up to the bar they were opened from.
 *
 * The bar is live, contracts come from a snapshot: only at one cut, and one business date, must they agree.
 */
export function compareWithBar(answer: GapContracts, bar: GapRow, barOffsets: Offsets, barDay: string | null): Finding {
  const total = totalOf(answer, bar.entity, bar.currency);
  const same = (["inflow", "outflow", "gap"] as const).every((name) => compareText(total[name], bar[name]) === 0);
  if (same) return { kind: "equal", text: T.sumEqual };
  const oneCut = order(contractsOnly(answer.offsets), contractsOnly(barOffsets)) === "equal" && answer.as_of === barDay;
  const figures = T.sums(grouped(total.gap), grouped(bar.gap));
  return oneCut
    ? { kind: "different", text: T.sumDifferent(figures) }
    : { kind: "moved", text: T.sumMoved(figures) };
}

/** "IP, interest payment"; what has no event entered the gap as it stands. */
export function eventName(type: string | null): string {
  if (type === null) return T.noEvent;
  const words = (T.events as Readonly<Record<string, string>>)[type];
  return words === undefined ? type : T.event(type, words);
}

/** A flow date as people read it. */
export function dateName(flow_date: string): string {
  if (flow_date === "DEMAND") return T.onDemand;
  return flow_date === "UNDATED" ? T.undated : longDay(flow_date);
}

/** How the engine's number became the amount in the gap. */
export function bookingName(flow: ContractFlow): string {
  if (flow.booked === null) return T.notBooked;
  const amount = grouped(flow.booked);
  const where = flow.in_gap ? T.inGap : T.isPast;
  if (flow.payoff === null) return T.asGiven(amount, where);
  if (flow.rounding === null || /^-?[0.]+$/.test(flow.rounding)) return T.notRounded(amount, where);
  return T.rounded(amount, where, flow.rounding.replace("-", MINUS));
}
