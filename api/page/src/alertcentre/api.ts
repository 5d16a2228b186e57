/** What the server answers about alerts: the centre, rules, subscriptions, silences, deliveries. */

import type { Severity } from "../severity";
import { type Alert, type Me, type Problem, get, post } from "../wire";
import { type StoredEvent, newId } from "../workbench/api";

export const STATES = ["RAISED", "ACKNOWLEDGED", "RESOLVED", "EXPIRED"] as const;
export type LifeState = (typeof STATES)[number];
export const HOWS = ["FIXED", "ACCEPTED", "FALSE_ALARM", "DUPLICATE"] as const;
export const CHANNELS = ["email", "webhook", "sms", "kafka"] as const;
export type Act = "acknowledge" | "resolve" | "comment" | "reopen";

/** What the alert of a rule of people stands on. */
export interface RuleFacts {
  readonly rule_id: string;
  readonly version: number;
  readonly name: string;
  readonly name_zh?: string;
  readonly expression: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly incident: string;
  readonly cut: number;
  readonly value?: string | null;
  readonly metric?: string;
}

export interface Told extends Alert {
  readonly rule_facts?: RuleFacts | null;
}

export interface Life {
  readonly state: LifeState;
  readonly severity: Severity;
  readonly version: number;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: string | null;
  readonly resolved_by: string | null;
  readonly how: string | null;
  readonly comments: number;
  readonly level: number;
  readonly delivery_failures: number;
  /** A silence held it back from delivery when it was raised. */
  readonly silenced: boolean;
}

export interface Row {
  readonly alert: Told;
  readonly life: Life;
}

export interface Page {
  readonly rows: readonly Row[];
  readonly cursor: string | null;
}

export interface One extends Row {
  readonly history: readonly StoredEvent[];
}

export interface Wanted {
  readonly states: readonly string[];
  readonly severity: string;
  readonly rule: string;
  readonly entity: string;
  readonly mine: boolean;
  /** "true", "false", or "" for all. */
  readonly silenced: string;
}

export interface ActsAnswer {
  readonly stored: number;
  readonly repeated: number;
  readonly refused: number;
  readonly items: readonly { readonly alert_id: string; readonly result: string; readonly problem: Pick<Problem, "detail" | "facts"> | null }[];
}

export interface Delivery {
  readonly delivery_id: string;
  readonly alert_id: string;
  readonly subscription: string;
  readonly channel: string;
  readonly purpose: string;
  readonly entity: string;
  readonly target: string;
  readonly state: string;
  readonly due_at: string | null;
  readonly next_attempt_at: string | null;
  readonly ended_at: string | null;
  readonly attempts: number;
  readonly error: string;
  /** What it said is still there to be sent again. */
  readonly kept: boolean;
}

export interface Attempt {
  readonly number: number;
  readonly at: string | null;
  readonly outcome: string;
  readonly status: number | null;
  readonly error: string;
  readonly duration_ms: number | null;
}

/** A case as the server keeps it: its state and its fields. */
export interface Case {
  readonly state: string;
  readonly version: number;
  readonly [field: string]: unknown;
}

export interface Fact {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly text_zh: string;
}

export interface Example {
  readonly expression: string;
  readonly text: string;
  readonly text_zh: string;
}

export interface Vocabulary {
  readonly about: string;
  readonly text: string;
  readonly text_zh: string;
  readonly facts: readonly Fact[];
  readonly selectors: readonly string[];
  readonly examples: readonly Example[];
}

export interface Vocabularies {
  readonly vocabularies: readonly Vocabulary[];
  readonly metrics: readonly string[];
  readonly scopes: readonly string[];
  readonly severities: readonly string[];
  readonly functions: readonly Example[];
}

export interface Problems {
  readonly count: number;
  readonly subjects_now: number;
  readonly message: string | null;
  readonly subject: string | null;
}

export interface RuleContent {
  readonly rule_version?: number;
  readonly name?: string;
  readonly name_zh?: string;
  readonly severity?: string;
  readonly about?: string;
  readonly expression?: string;
  readonly clear_expression?: string;
  readonly metrics?: readonly string[];
  readonly scopes?: readonly string[];
  readonly entities?: readonly string[];
  readonly currencies?: readonly string[];
  readonly kinds?: readonly string[];
  readonly clear_readings?: number;
  readonly clear_interval_s?: number;
  readonly arming_s?: number;
}

export interface Rule {
  readonly rule_no: string;
  readonly state: string;
  readonly version: number;
  readonly rule_version: number;
  readonly entity_id?: string;
  readonly content: RuleContent;
  readonly drafter?: string;
  readonly previewed: { readonly fired?: number; readonly problems?: number } | null;
  readonly in_force: RuleContent | null;
  readonly at_work: { readonly raised: number; readonly cleared: number; readonly problems: Problems; readonly open: readonly unknown[] } | null;
}

export interface Incident {
  readonly alert_id: string;
  readonly raised_at: string;
  readonly entity: string;
  readonly currency: string;
  readonly metric: string | null;
  readonly value: string | null;
  readonly amount: string;
  readonly reason: string;
  readonly seconds: number | null;
}

export interface Fired {
  readonly fired: number;
  readonly open: number;
  readonly cuts: number;
  readonly first_at: string | null;
  readonly last_at: string | null;
  readonly problems: Problems;
  readonly incidents: readonly Incident[];
  readonly left_off: number;
}

export interface Job {
  readonly id: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly progress: { readonly done: number; readonly whole: number };
  readonly error: { readonly message: string } | null;
  readonly answer: Fired | null;
}

export interface SubscriptionPreview {
  readonly alerts: number;
  readonly silenced: number;
  readonly notifications: number;
  readonly by_rule: Readonly<Record<string, number>>;
  readonly by_entity: Readonly<Record<string, number>>;
  readonly shown: readonly { readonly due_at: string; readonly channel: string; readonly purpose: string; readonly alert_ids: readonly string[]; readonly reason: string }[];
  readonly truncated: boolean;
}

const LONG_MS = 60_000;
const part = encodeURIComponent;

export function alerts(wanted: Wanted, limit: number, cursor: string | null = null): Promise<Page> {
  const asked = new URLSearchParams({ limit: String(limit) });
  for (const state of wanted.states) asked.append("state", state);
  for (const [name, value] of [["severity", wanted.severity], ["rule", wanted.rule], ["entity", wanted.entity], ["silenced", wanted.silenced], ["cursor", cursor ?? ""]] as const) if (value !== "") asked.set(name, value);
  if (wanted.mine) asked.set("mine", "true");
  return get<Page>(`/alert-centre?${asked.toString()}`, {}, LONG_MS);
}

export const me = (): Promise<Me> => get<Me>("/me");
export const one = (id: string): Promise<One> => get<One>(`/alert-centre/${part(id)}`);
export const behind = (id: string): Promise<Alert> => get<Alert>(`/alerts/${part(id)}`);

/** A command under an id of its own: sent twice it is stored once. */
export const command = <T = unknown>(path: string, body: object): Promise<T> => post<T>(path, JSON.stringify({ cmd_id: newId(), ...body }));
export const act = (id: string, name: Act, body: object): Promise<unknown> => command(`/alert-centre/${part(id)}/${name}`, body);
export const actOnMany = (ids: readonly string[], name: Act, body: object): Promise<ActsAnswer> => command<ActsAnswer>("/alert-centre/acts", { act: name, alert_ids: ids, ...body });

export const deliveries = (query: Readonly<Record<string, string | undefined>>): Promise<{ rows: readonly Delivery[]; cursor: string | null }> => get("/alert-deliveries", query);
export const delivery = (id: string): Promise<Delivery & { readonly alert_ids: readonly string[]; readonly attempts_made: readonly Attempt[] }> => get(`/alert-deliveries/${part(id)}`);
export const replay = (body: object): Promise<{ replayed: number }> => command("/alert-deliveries/replay", body);

export const cases = (list: "alert-subscriptions" | "alert-silences" | "alert-teams", query: Readonly<Record<string, string | undefined>> = {}): Promise<{ rows: readonly Case[] }> => get(`/${list}`, query);
export const previewSubscription = (content: object, days: number): Promise<SubscriptionPreview> => post("/alert-subscriptions/preview", JSON.stringify({ content, days }), {}, LONG_MS);

export const vocabulary = (): Promise<Vocabularies> => get("/alert-rules/vocabulary");
export const rules = (): Promise<{ rows: readonly Rule[] }> => get("/alert-rules");
export const rule = (no: string): Promise<Rule> => get(`/alert-rules/${part(no)}`);
export const tryRule = (body: object): Promise<Job> => post("/alert-rules/preview", JSON.stringify(body));
export const tryDraft = (no: string, span: object): Promise<Job> => post(`/alert-rules/${part(no)}/preview`, JSON.stringify(span));
export const job = (id: string): Promise<Job> => get(`/alert-rules/preview/${part(id)}`, { rows_max: "1000" });
export const cancelJob = (id: string): Promise<Job> => post(`/alert-rules/preview/${part(id)}/cancel`, "{}");
