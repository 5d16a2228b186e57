/**
 * What the API sends, as types, and how it is asked. The contract is /openapi.json; nothing is computed here.
 *
 * Fields marked optional are ones that some groupings leave out (an account row has no reservations).
 */

import type { Severity } from "./severity";

export type Offsets = Readonly<Record<string, number>>;

export interface PositionRow {
  entity: string;
  currency: string;
  organisation?: string;
  business_line?: string;
  account?: string;
  position: string;
  pending_in?: string;
  pending_out?: string;
  reserved?: string;
  projected_eod?: string;
  as_of?: string;
}

export interface Provenance {
  result_id?: string;
  as_of?: string;
  engine_version?: string;
  config_version?: string;
  input_digest?: string;
  scenario_id?: string | null;
}

/** GET /positions, and the `positions` event, which has changed rows only. */
export interface Positions {
  as_of?: string | null;
  offsets: Offsets;
  log?: Readonly<Record<string, string>>;
  rows: PositionRow[];
  last_event_time?: string | null;
  lag_records?: number | null;
  provenance?: Provenance;
}

export interface ByDateRow {
  entity: string;
  currency: string;
  value_date: string;
  movement: string;
  position: string;
}

export interface GapRow {
  entity: string;
  currency: string;
  bucket: string;
  inflow: string;
  outflow: string;
  gap: string;
  /** null for OVERDUE and UNDATED, which are shown but not cumulated (LIQ-12). */
  cumulative: string | null;
  contracts: number;
}

export interface Gap {
  as_of?: string | null;
  offsets: Offsets;
  /** Absent in an event, which has changed cells only. */
  buckets?: string[];
  rows: GapRow[];
}

export interface GapContractRow {
  entity: string;
  organisation: string;
  business_line: string;
  product: string;
  currency: string;
  contract_id: string;
  inflow: string;
  outflow: string;
  gap: string;
  flow_dates: number;
}

export interface GapTotal {
  entity: string;
  currency: string;
  inflow: string;
  outflow: string;
  gap: string;
  /** As the gap counts them: once for each flow date. */
  contracts: number;
  distinct_contracts: number;
}

/** GET /gap/contracts. */
export interface GapContracts {
  as_of: string | null;
  offsets: Offsets;
  bucket: string | null;
  totals: GapTotal[];
  rows: GapContractRow[];
  /** `start` of the next page; null on the last one. */
  next: number | null;
}

export interface FlowExplanation {
  source: string;
  formulas: { target: string; formula: string; numbers: string; result: string; source: string }[];
  before: Readonly<Record<string, string>>;
  after: Readonly<Record<string, string>>;
}

export interface ContractFlow {
  /** ISO date, DEMAND or UNDATED. */
  flow_date: string;
  event_type: string | null;
  /** All digits of the engine's float64: for reading, never for adding up. */
  payoff: string | null;
  currency: string;
  kind: string | null;
  booked: string | null;
  rounding: string | null;
  bucket: string | null;
  in_gap: boolean;
  explanation?: FlowExplanation;
}

/** GET /contracts/{entity}/{contract_id}/flows. */
export interface ContractFlows {
  entity: string;
  contract_id: string;
  organisation: string;
  product: string;
  currency: string;
  side: string;
  as_of: string | null;
  offsets: Offsets;
  record: { topic: string; partition: number; offset: number | null };
  terms: Readonly<Record<string, unknown>>;
  flows: ContractFlow[];
}

export interface Source {
  topic: string;
  partition: number;
  offset: number;
  log: string;
}

export interface AlertEntry {
  offset?: number;
  event_time?: string;
  amount?: string;
  appended_at?: string | null;
  record?: Readonly<Record<string, unknown>> | null;
}

export type Light = "green" | "amber" | "red";

/** What an alert on a limit stands on. Numbers are exact text, a decimal or `n/d`; a ratio is a share, not per cent. */
export interface LimitFacts {
  limit_id: string;
  metric: string;
  scope: "currency" | "entity" | "group";
  as_of: string;
  value: string;
  light: Light;
  light_before: Light;
  /** The alert that opened it. */
  incident: string;
  minimum?: string | null;
  maximum?: string | null;
  /** A share of the limit, or an amount where the limit is 0. */
  headroom?: string | null;
  /** Of a large withdrawal: the large-flow alert behind it. */
  cause?: string | null;
}

export interface Alert {
  alert_id: string;
  kind: "raised" | "corrected" | "eased" | "cleared";
  rule: string;
  rule_version: string;
  sequence: number;
  entity: string;
  organisation: string;
  customer: string;
  customer_class: string;
  account: string;
  currency: string;
  amount: string;
  threshold: string;
  event_time: string;
  txn_id: string;
  reason: string;
  source: Source;
  rolling?: string | null;
  window_minutes?: number | null;
  late?: boolean;
  corrects?: string | null;
  entries?: AlertEntry[];
  appended_at?: string | null;
  limit?: LimitFacts | null;
  severity: Severity;
}

export interface AlertPage {
  offsets: Offsets;
  cursor?: string | null;
  alerts: Alert[];
}

export interface State {
  positions: Positions;
  gap: Gap;
  alerts: Alert[];
}

export interface Me {
  actor: string;
  roles: string[];
  entities: string[];
  organisation?: string | null;
}

export type RiskAsset = Readonly<Record<string, unknown>>;

/** An RFC 9457 problem, or a failure to reach the server at all (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly detail: string,
    /** What the server says about where it went wrong, as `field`. */
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(title);
  }
}

const BASE = "/api/v1";

export type Query = Readonly<Record<string, string | undefined>>;
type Headed = Readonly<Record<string, string>>;

export function url(path: string, query: Query = {}): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parts.set(name, value);
  const text = parts.toString();
  return `${BASE}${path}${text === "" ? "" : `?${text}`}`;
}

/** GET under /api/v1. Throws Problem; never answers with something that is not JSON. */
export async function get<T>(path: string, query: Query = {}, timeout_ms = 10_000, headers: Headed = {}): Promise<T> {
  return fetchJson<T>(url(path, query), timeout_ms, { headers });
}

/** POST of JSON text under /api/v1, sent as it stands: the browser must not round its numbers. Throws Problem. */
export async function post<T>(path: string, text: string, query: Query = {}, timeout_ms = 60_000, headers: Headed = {}): Promise<T> {
  return fetchJson<T>(url(path, query), timeout_ms, { method: "POST", body: text, headers });
}

export interface Readiness {
  /** Why the server is not ready; null if it is, or does not say. */
  readonly reason: string | null;
  readonly warnings: readonly string[];
}

/** Throws Problem if the server cannot be reached. */
export async function readiness(timeout_ms = 4_000): Promise<Readiness> {
  try {
    const { warnings } = await fetchJson<{ warnings?: unknown }>("/readyz", timeout_ms);
    return { reason: null, warnings: Array.isArray(warnings) ? warnings.map(String) : [] };
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 0) throw error;
    return { reason: error.status === 503 ? error.detail || error.message : null, warnings: [] };
  }
}

export async function fetchJson<T>(address: string, timeout_ms: number, sent: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address, {
      ...sent,
      headers: { accept: "application/json", ...(typeof sent.body === "string" ? { "content-type": "application/json" } : {}), ...(sent.headers as Headed) },
      signal: AbortSignal.timeout(timeout_ms),
    });
  } catch {
    throw new Problem(0, "The server cannot be reached", "Is Tidemark running? The page tries again by itself.");
  }
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok && body !== undefined) return body as T;
  const facts = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string, other: string): string => {
    const value = facts[name];
    return typeof value === "string" ? value : other;
  };
  throw new Problem(
    answer.ok ? 502 : answer.status,
    text("title", answer.ok ? "The answer is not JSON" : `HTTP ${answer.status}`),
    text("detail", text("reason", "")),
    typeof facts["facts"] === "object" && facts["facts"] !== null ? (facts["facts"] as Record<string, unknown>) : {},
  );
}
