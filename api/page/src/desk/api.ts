/** What the desk of large withdrawals asks of the API, as types. The contract is /openapi.json; nothing is decided here. */

import type { Offsets } from "../wire";

export interface Impact {
  amount: string;
  projected_eod_before: string | null;
  projected_eod_after: string | null;
  available_before: string | null;
  available_after: string | null;
  floor: string | null;
  shortfall: string | null;
  decision: string | null;
  actions: string[];
  decision_reason: string;
}

export interface Task {
  reservation_no: string;
  entity: string;
  ccy: string;
  customer_no: string;
  account_id: string;
  organisation: string;
  amount: string;
  executed: string;
  value_date: string;
  purpose: string;
  channel: string;
  state: string;
  source: "desk" | "channel";
  delegated_to: string | null;
  levels: string[];
  needs: string | null;
  mine: boolean;
  may: MakersAct[];
  seen: string;
  approvals: { level: string; actor: string }[];
  proof_needed: boolean;
  requester: string | null;
  is_open: boolean;
  impact: Impact;
}

export interface Tasks {
  offsets: Offsets;
  /** Business dates by entity. */
  as_of: Readonly<Record<string, string>>;
  may_announce: boolean;
  rows: Task[];
  total: number;
}

export interface Told {
  id: string;
  type: string;
  recorded_at: string;
  actor: string;
  reason: string;
  payload: Readonly<Record<string, unknown>>;
}

export interface InFull {
  offsets: Offsets;
  task: Task;
  history: Told[];
}

export interface ForecastDay {
  date: string;
  ccy: string;
  organisation: string | null;
  base: string;
  expected: string;
  worst: string;
  weeks_of_history: number;
}

export interface Forecast {
  offsets: Offsets;
  history_from: string | null;
  days: ForecastDay[];
  hit_rates: { ccy: string; hit_rate_pct: string }[];
}

export interface Transfer {
  source: string;
  destination: string;
  amount: string;
  cost_bp: string;
}

export interface Lacking {
  entity: string;
  ccy: string;
  transfers: Transfer[];
  moved: string;
  uncovered: Readonly<Record<string, string>>;
  cost: string;
}

export interface Proposal extends Lacking {
  proposal_no: string;
  state: string;
  revision: number;
  valid_until: string;
  makers: string[];
}

export interface Dispatch {
  offsets: Offsets;
  lacking: Lacking[];
  proposals: Proposal[];
}

/** What those who announce may do with a task, beside deciding it. */
export type MakersAct = "submit" | "amend" | "cancel";

export type Act = "approve" | "reject" | "delegate";
