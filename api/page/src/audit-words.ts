/** What the audit panel says in words, from what the API sent. No DOM, nothing added up: the server did that. */

import { MINUS, compareText, grouped } from "./money";
import { order } from "./offsets";
import { longDay } from "./time";
import type { ContractFlow, GapContracts, GapRow, GapTotal, Offsets } from "./wire";

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
  if (same) return { kind: "equal", text: "The contracts add up to the figure, to the last unit." };
  const oneCut = order(contractsOnly(answer.offsets), contractsOnly(barOffsets)) === "equal" && answer.as_of === barDay;
  const figures = `The contracts add up to ${grouped(total.gap)}, the bar showed ${grouped(bar.gap)}`;
  return oneCut
    ? { kind: "different", text: `${figures}, at the same offsets. This is a fault: please report it.` }
    : { kind: "moved", text: `${figures}: contracts have changed between the two. Open the bar again for the newer one.` };
}

const EVENTS: Readonly<Record<string, string>> = {
  IED: "initial exchange",
  FP: "fee payment",
  PR: "principal redemption",
  PD: "principal drawing",
  PI: "principal increase",
  PY: "penalty payment",
  PP: "principal prepayment",
  IP: "interest payment",
  IPFX: "interest payment, fixed leg",
  IPFL: "interest payment, floating leg",
  IPCI: "interest capitalisation",
  RRF: "rate reset, known rate",
  RR: "rate reset",
  PRF: "instalment fixing",
  DV: "dividend",
  PRD: "purchase",
  TD: "termination",
  SC: "scaling index fixing",
  IPCB: "interest base fixing",
  MD: "maturity",
  XD: "exercise",
  STD: "settlement",
  AD: "monitoring",
  CE: "credit event",
  MR: "margin call",
};

/** "IP, interest payment"; what has no event entered the gap as it stands. */
export function eventName(type: string | null): string {
  if (type === null) return "as it stands";
  const words = EVENTS[type];
  return words === undefined ? type : `${type}, ${words}`;
}

/** A flow date as people read it. */
export function dateName(flow_date: string): string {
  if (flow_date === "DEMAND") return "on demand";
  return flow_date === "UNDATED" ? "undated" : longDay(flow_date);
}

/** How the engine's number became the amount in the gap. */
export function bookingName(flow: ContractFlow): string {
  if (flow.booked === null) return "No money moves, or the event only changes states: nothing of it enters the gap.";
  const amount = grouped(flow.booked);
  const where = flow.in_gap ? "stands in the gap" : "is past and counts as paid";
  if (flow.payoff === null) return `${amount} ${where}, as the record gives it.`;
  if (flow.rounding === null || /^-?[0.]+$/.test(flow.rounding)) return `${amount} ${where}; nothing was rounded.`;
  return `${amount} ${where}: the payoff, rounded half up to minor units (difference ${flow.rounding.replace("-", MINUS)}).`;
}
