/** How far a record has come: the stages of its kind, or the way of a loan from classification to recovery. */

import { text } from "../calculations/api";
import { h } from "../dom";
import type { StoredEvent } from "./api";
import { LOAN, type Opened } from "./load";
import { T, word } from "./words";

/** The straight way of each kind; a kind without one shows where it stands. */
const LINES: Readonly<Record<string, string>> = {
  WriteOff: "DRAFT REVIEWED SUBMITTED APPROVED POSTING POSTED",
  WriteOffBatch: "DRAFT SUBMITTED APPROVED COMPLETED",
  NoRecourseDetermination: "DRAFT SUBMITTED APPROVED",
  DebtReduction: "DRAFT SUBMITTED APPROVED PERFORMING POSTING POSTED",
  DebtTransfer: "DRAFT SUBMITTED APPROVED SOLD POSTING POSTED COMPLETED",
  Foreclosure: "DRAFT SUBMITTED APPROVED POSTING POSTED",
  FaDisposal: "DRAFT SUBMITTED APPROVED SOLD POSTING POSTED",
  Restructuring: "DRAFT SUBMITTED APPROVED POSTING POSTED",
  Expense: "DRAFT SUBMITTED APPROVED POSTED",
  DisposalPlan: "DRAFT SUBMITTED APPROVED CLOSED",
  LitigationCase: "DRAFT SUBMITTED PROPOSED FILED JUDGED EFFECTIVE ENFORCING CLOSED",
  RecoveryFlow: "RECEIVED TAGGED CONFIRMED",
};

/** A stage beside the straight way, and where on it one stands then. */
const BESIDE: Readonly<Record<string, string>> = {
  RETURNED: "DRAFT", DISCARDED: "DRAFT", IN_COMMITTEE: "SUBMITTED", REJECTED: "SUBMITTED", WITHDRAWN: "SUBMITTED", LAPSED: "APPROVED",
  POSTING_FAILED: "POSTING", POSTING_UNKNOWN: "POSTING", REVERSING: "POSTED", REVERSED: "POSTED", REVERSAL_UNKNOWN: "POSTED",
  APPEAL: "JUDGED", SUSPENDED: "ENFORCING", BREACHED: "PERFORMING", FAILED: "APPROVED",
};

export interface Mark {
  readonly name: string;
  readonly note: string;
  readonly day: string;
  readonly is: "past" | "now" | "ahead";
}

export function marksOf(opened: Opened): Mark[] {
  const { place, state } = opened;
  if (place.kind === LOAN) return milestones(opened.events.filter((event) => event.aggregate === LOAN));
  const stage = state === null ? "NEW" : text(state["state"]);
  const line = LINES[place.kind]?.split(" ") ?? [];
  const at = line.indexOf(line.includes(stage) ? stage : (BESIDE[stage] ?? ""));
  const marks = line.map((name, number): Mark => ({ name: word(name), note: "", day: "", is: number < at ? "past" : name === stage ? "now" : number === at ? "past" : "ahead" }));
  return line.includes(stage) ? marks : [...marks.slice(0, at + 1), { name: word(stage), note: "", day: "", is: "now" }, ...marks.slice(at + 1)];
}

const STEPS: readonly (readonly string[])[] = [
  ["AssetAdmitted", "AssetReclassified"],
  ["DisposalHoldPlaced"],
  ["AssetWrittenOff", "DebtReduced", "InKindSettled", "AssetTransferred", "AssetRestructured"],
  ["RecoveryApplied", "WriteOffRecoveryApplied", "InKindSettled"],
  ["AssetClosed", "NoRecourseMarked", "AssetTransferred"],
];

/** The newest event of each step; a step behind the farthest one reached counts as past even if it was left out. */
function milestones(events: readonly StoredEvent[]): Mark[] {
  const newest = STEPS.map((types) => events.findLast((event) => types.includes(event.type)));
  const at = newest.findLastIndex((event) => event !== undefined);
  return newest.map((event, number) => ({
    name: T.milestones[number] ?? "",
    note: event === undefined ? "–" : noteOf(event),
    day: event?.valid_on ?? "",
    is: number === at ? "now" : number < at ? "past" : "ahead",
  }));
}

function noteOf(event: StoredEvent): string {
  const { to_class, classification, kind } = event.payload;
  return word(text(to_class) || text(classification) || text(kind) || event.type);
}

export function tracker(opened: Opened): HTMLElement {
  const marks = marksOf(opened).map(({ name, note, day, is }) =>
    h(
      "li",
      { class: `desk-${is}`, "aria-current": is === "now" ? "step" : undefined },
      h("b", {}, name),
      note !== "" && h("span", { class: "quiet" }, note),
      day !== "" && h("time", { class: "quiet" }, day),
      is === "now" && h("span", { class: "visually-hidden" }, ` (${T.now})`),
    ),
  );
  return h("ol", { class: "desk-track", "aria-label": T.progress }, ...marks);
}
