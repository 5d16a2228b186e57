/** All that the workbench shows of one record: its state, what may be done, the loan, the cases around it, the history. */

import { text } from "../calculations/api";
import type { Allowed, Api, AssetView, State, StoredEvent } from "./api";
import type { Place } from "./address";

export const LOAN = "RiskAsset";

/** Kinds of cases about a loan, in the order in which a bank comes to them; those that can be begun from a loan. */
export const CASES = [
  "RecoveryFlow", "DisposalPlan", "InterestTrial", "CollectionTask", "LitigationCase", "DebtReduction", "Foreclosure", "DebtTransfer",
  "Restructuring", "WriteOff", "NoRecourseDetermination", "LiabilityDetermination", "Expense",
] as const;

export interface Around {
  readonly kind: string;
  readonly key: string;
  readonly stage: string;
  readonly amount: string;
  readonly ccy: string;
}

export interface Opened {
  readonly place: Place;
  /** null: it does not exist yet, or the reader may not see it. */
  readonly state: State | null;
  readonly allowed: Allowed;
  readonly loan: State | null;
  /** null: the server keeps no work lists. */
  readonly view: AssetView | null;
  readonly around: readonly Around[];
  /** Oldest first, of the record, its loan and the cases around it. */
  readonly events: readonly StoredEvent[];
}

const HISTORIES_MAX = 30; // of the newest cases around a loan

/** The loan that a record is about: itself, or the first that it names. */
export function loanOf(kind: string, state: State): string | null {
  for (const name of kind === LOAN ? ["loan_no"] : ["asset_no", "loan_no"]) if (text(state[name]) !== "") return text(state[name]);
  for (const name of ["asset_ids", "loan_nos"]) {
    const listed = state[name];
    if (Array.isArray(listed) && listed.length > 0) return text(listed[0]);
  }
  return null;
}

export async function open(api: Api, place: Place): Promise<Opened> {
  const { kind, key } = place;
  const allowed = await api.allowed(kind, key, place.loan);
  const [state, own] = allowed.version === 0 ? [null, []] : await Promise.all([api.state(kind, key), api.history(kind, key)]);
  const loan_no = (state && loanOf(kind, state)) ?? place.loan;
  if (loan_no === null) return { place, state, allowed, loan: null, view: null, around: [], events: own };
  const [loan, view] = await Promise.all([kind === LOAN ? state : api.state(LOAN, loan_no), api.asset(loan_no)]);
  const cases = view?.cases ?? [];
  const others = [...(loan && kind !== LOAN ? [{ aggregate: LOAN, key: loan_no }] : []), ...cases.slice(0, HISTORIES_MAX)].filter((one) => one.aggregate !== kind || one.key !== key);
  const histories = await Promise.all(others.map((one) => api.history(one.aggregate, one.key)));
  const events = [...own, ...histories.flat()].sort((a, b) => a.position - b.position);
  const around = cases.map(({ aggregate, key: number, state: stage, ccy }): Around => ({ kind: aggregate, key: number, stage, ccy, amount: newestAmount(events, aggregate, number) }));
  return { place, state, allowed, loan, view, around, events };
}

/** A cheap look: something that is another number once the loan, a case around it or the record itself changed. */
export async function markOf(api: Api, opened: Opened): Promise<string> {
  const { place, loan, view } = opened;
  const now = view && loan ? await api.asset(text(loan["loan_no"])) : null;
  if (now !== null) return [now.version, ...now.cases.map((one) => `${one.key}:${one.version}`)].join(" ");
  return String((await api.allowed(place.kind, place.key, place.loan)).version);
}

export function markKnown({ view, allowed }: Opened): string {
  return view ? [view.version, ...view.cases.map((one) => `${one.key}:${one.version}`)].join(" ") : String(allowed.version);
}

const AMOUNTS = ["amount", "book_amount", "claim_amount", "settlement_amount", "repay_amount", "price"];

/** The amount that a case is about; "" where it is about none. */
export const amountOfCase = (row: State): string => AMOUNTS.map((name) => text(row[name])).find((value) => value !== "") ?? "";

function newestAmount(events: readonly StoredEvent[], kind: string, key: string): string {
  const own = events.filter((event) => event.aggregate === kind && event.key === key);
  return own.map((event) => amountOfCase(event.payload)).findLast((amount) => amount !== "") ?? "";
}
