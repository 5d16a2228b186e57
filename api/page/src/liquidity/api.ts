/** What the liquidity room asks of the API, as types. The contract is /openapi.json; nothing is computed here. */

import type { Light, Offsets } from "../wire";

export type ScopeKind = "group" | "entity" | "currency" | "organisation" | "business_line";

export interface LimitState {
  limit_id: string;
  minimum_pct: string | null;
  maximum_pct: string | null;
  headroom_pct: string | null;
  light: Light | null;
}

/** A ratio of one scope, of GET /ratios and the `ratios` event. Amounts are in `currency`. */
export interface RatioRow {
  figure: "lcr" | "nsfr";
  scope: ScopeKind;
  entity: string;
  currency: string;
  member?: string | null;
  as_of: string;
  ratio_pct: string | null;
  numerator: string | null;
  denominator: string | null;
  minimum_pct: string | null;
  meets_minimum: boolean | null;
  surplus: string | null;
  limits: LimitState[];
  unmapped: string;
  status?: string | null;
  reason?: string | null;
  level1?: string | null;
  level2a?: string | null;
  level2b?: string | null;
  cap15_adjustment?: string | null;
  cap40_adjustment?: string | null;
  outflows?: string | null;
  inflows?: string | null;
  inflow_cap?: string | null;
  recognised_inflows?: string | null;
  inflow_cap_binds?: boolean | null;
}

export interface Ratios {
  as_of: string | null;
  offsets: Offsets;
  rows: RatioRow[];
}

/** GET /limits: what is not green, with the numbers of case and plan. */
export interface LimitRow {
  limit_id: string;
  metric: string;
  scope: ScopeKind;
  entity: string;
  currency: string;
  light: Light;
  value: string;
  minimum?: string | null;
  maximum?: string | null;
  headroom?: string | null;
  as_of: string;
  breach_no: string | null;
  plan_no: string | null;
  reason: string;
}

export interface Breach {
  breach_no: string;
  entity: string;
  ccy: string;
  state: string;
  limit_id: string;
  metric: string;
  last_value: string;
  worst_value: string;
  minimum: string | null;
  maximum: string | null;
  owner: string;
  deadline: string;
  cause: string | null;
}

export interface PlanLine {
  line: string;
  action: string;
  source: string;
  gate: number;
  rate: string;
  order_by: string;
  needed_on: string;
  securities: string | null;
  market_value: string | null;
  planned: string;
  executed: string;
}

export interface Plan {
  plan_no: string;
  entity: string;
  ccy: string;
  state: string;
  mode: string;
  trigger: string;
  trigger_reason: string;
  as_of: string;
  strategy: string;
  shortfall: string;
  need: string;
  planned: string;
  residual: string;
  cost: string;
  restored_on: string | null;
  lines: PlanLine[];
  ranking: { rank: number; strategy: string; uncovered: string; cost_in_horizon: string }[];
}

/** GET /reverse-stress: the fewest depositors whose leaving breaks a limit. */
export interface Breaking {
  figure: "lcr" | "nsfr" | "available_position";
  limit_id: string;
  scope: ScopeKind;
  entity: string;
  currency: string;
  minimum: string;
  value: string | null;
  status: "broken" | "breakable" | "unbreakable" | "not_computable";
  reason: string;
  count: number | null;
  amount: string | null;
  share_pct: string | null;
  depositors: { entity: string; customer: string; amount: string }[];
}

export interface RecoveryTotal {
  entity: string;
  currency: string;
  kind: string;
  disposals: number;
  promised: string;
  received: string;
  outstanding: string;
  overdue: string;
  expected: string;
}

export interface Disposal {
  kind: string;
  case: string;
  entity: string;
  currency: string;
  stage: string;
  outstanding: string;
  expected: string;
  due_on: string | null;
  days_late: number;
}

export interface Recoveries<Row> {
  as_of: string | null;
  total: number;
  rows: Row[];
}

export interface Rows<Row> {
  rows: Row[];
}

const ENDED = new Set(["CLOSED", "REJECTED", "CANCELLED"]);

export const isOpen = ({ state }: { state: string }): boolean => !ENDED.has(state);

/** Which scope a row is of; the same for its LCR and its NSFR. */
export const scopeKey = (row: Pick<RatioRow, "scope" | "entity" | "currency" | "member">): string =>
  [row.scope, row.entity, row.member ?? "", row.currency].join("/");
