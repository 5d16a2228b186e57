/** The rows of the ratios: how changes are taken in, which are in view, and the limits held against them. */

import { type Order, order } from "../offsets";
import type { Alert, Light } from "../wire";
import { type LimitRow, type LimitState, type RatioRow, type Ratios, type ScopeKind, scopeKey } from "./api";
import { limitOf } from "../limit-facts";

const KINDS: readonly ScopeKind[] = ["group", "entity", "currency", "organisation", "business_line"];
const keyOf = (row: RatioRow): string => `${row.figure}/${scopeKey(row)}`;

/** `held` with the rows of an event, which has only those that changed; null: the event is of before. */
export function patched(held: Ratios, event: Ratios): Ratios | null {
  const stands: Order = order(event.offsets, held.offsets);
  if (stands === "before") return null;
  const fresh = new Map(event.rows.map((row) => [keyOf(row), row]));
  const kept = held.rows.map((row) => fresh.get(keyOf(row)) ?? row);
  const known = new Set(held.rows.map(keyOf));
  return { ...held, as_of: event.as_of ?? held.as_of, offsets: event.offsets, rows: [...kept, ...event.rows.filter((row) => !known.has(keyOf(row)))] };
}

/** What the reader chose to see. */
export interface Choice {
  readonly by: ScopeKind | "";
  readonly entity: string;
  readonly currency: string;
}

export interface ScopeRows {
  readonly key: string;
  readonly kind: ScopeKind;
  readonly entity: string;
  readonly currency: string;
  readonly member: string | null;
  readonly lcr: RatioRow | null;
  readonly nsfr: RatioRow | null;
}

/**
 * Without a kind of scope the group and the entities: these are what limits on ratios bind, while that of one currency is a
 * monitoring tool, whose minimum is only watched where the policy asks for it.
 */
export const isChosen = (row: Pick<RatioRow, "scope" | "entity" | "currency">, { by, entity, currency }: Choice): boolean =>
  (by === "" ? row.scope === "group" || row.scope === "entity" : row.scope === by) && isWithin(row, { entity, currency });

export const isWithin = (row: { entity: string; currency: string }, { entity, currency }: Pick<Choice, "entity" | "currency">): boolean =>
  (entity === "" || row.entity === entity) && (currency === "" || row.currency === currency);

/** LCR and NSFR of each scope beside each other: the group first, then by name. */
export function scopesOf(rows: readonly RatioRow[], choice: Choice): ScopeRows[] {
  const found = new Map<string, ScopeRows>();
  for (const row of rows) {
    if (!isChosen(row, choice)) continue;
    const key = scopeKey(row);
    const before = found.get(key) ?? { key, kind: row.scope, entity: row.entity, currency: row.currency, member: row.member ?? null, lcr: null, nsfr: null };
    found.set(key, { ...before, [row.figure]: row });
  }
  return [...found.values()].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.key < b.key ? -1 : 1));
}

/** The worst light of a row's limits; null: none is held against it, or it is not computable. */
export function lightOf(row: RatioRow | null): Light | null {
  const lights = (row?.limits ?? []).map(({ light }) => light);
  return (["red", "amber", "green"] as const).find((light) => lights.includes(light)) ?? null;
}

/** A limit held against a figure: as the ratios show it now, as its newest alert told it, or both. */
export interface HeldLimit {
  readonly limit_id: string;
  readonly metric: string;
  readonly scope: ScopeKind;
  readonly entity: string;
  readonly currency: string;
  readonly light: Light | null;
  readonly now: { readonly row: RatioRow; readonly state: LimitState } | null;
  readonly open: LimitRow | null;
  readonly alert: Alert | null;
}

const limitKey = (limit_id: string, metric: string, scope: string, entity: string, currency: string): string => [limit_id, metric, scope, entity, currency].join("|");
const RANK: Readonly<Record<Light, number>> = { red: 0, amber: 1, green: 3 };

/** All limits, the worst first. `alerts` newest first. */
export function limitsOf(rows: readonly RatioRow[], open: readonly LimitRow[], alerts: readonly Alert[]): HeldLimit[] {
  const newest = new Map<string, Alert>();
  for (const alert of alerts) {
    const facts = limitOf(alert);
    if (!facts) continue;
    const key = limitKey(facts.limit_id, facts.metric, facts.scope, alert.entity, alert.currency);
    if (!newest.has(key)) newest.set(key, alert);
  }
  const waiting = new Map(open.map((one) => [limitKey(one.limit_id, one.metric, one.scope, one.entity, one.currency), one]));
  const found: HeldLimit[] = [];
  for (const row of rows) {
    for (const state of row.limits) {
      const key = limitKey(state.limit_id, row.figure, row.scope, row.entity, row.currency);
      const { scope, entity, currency } = row;
      found.push({ limit_id: state.limit_id, metric: row.figure, scope, entity, currency, light: state.light, now: { row, state }, open: waiting.get(key) ?? null, alert: newest.get(key) ?? null });
      waiting.delete(key);
    }
  }
  for (const [key, one] of waiting) found.push({ ...one, now: null, open: one, alert: newest.get(key) ?? null });
  const rank = ({ light }: HeldLimit): number => (light === null ? 2 : RANK[light]);
  return found.sort((a, b) => rank(a) - rank(b) || KINDS.indexOf(a.scope) - KINDS.indexOf(b.scope));
}
