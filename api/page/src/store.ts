/**
 * What the page knows: the last whole state, patched by events, and what the reader chose to look at.
 *
 * Applying an event twice, or one that is older than the state held, changes nothing. No DOM and no network here.
 */

import { order } from "./offsets";
import { Series } from "./series";
import type { Alert, Gap, GapRow, Offsets, PositionRow, Positions, Provenance } from "./wire";

/** Which part of the page has something new to draw. */
export type Topic = "positions" | "gap" | "alerts" | "scope";
export type Applied = "applied" | "older" | "apart";

export interface Scope {
  readonly entity: string;
  readonly currency: string;
}

const ALERTS_MAX = 1_000;

export const cellKey = (row: Scope): string => `${row.entity}|${row.currency}`;

/** The log ids of the inbound topics; a new id means that the log was started afresh. */
const sameLog = (a: Positions["log"], b: Positions["log"]): boolean =>
  a === undefined || b === undefined || Object.keys(a).every((key) => b[key] === undefined || b[key] === a[key]);

/** After an event without provenance: the result and its digest name an older state, the versions still hold. */
function stillTrue(old: Provenance = {}): Provenance {
  const { engine_version, config_version } = old;
  return { ...(engine_version && { engine_version }), ...(config_version && { config_version }) };
}

export class Store {
  readonly positions = new Map<string, PositionRow>();
  readonly series = new Map<string, Series>();
  /** By cell, then bucket. */
  readonly gap = new Map<string, Map<string, GapRow>>();
  /** Newest first, in the order in which they were learned. */
  alerts: Alert[] = [];
  /** Alerts that came while the page was open and that nobody has looked at. */
  readonly unseen = new Set<string>();
  buckets: string[] = [];
  /** Everything of the last positions answer but its rows; null until there is one. */
  meta: Omit<Positions, "rows"> | null = null;
  gapOffsets: Offsets = {};
  gapDay: string | null = null;
  /** null: all entities this reader may see. */
  entity: string | null = null;
  private chosen: Scope | null = null;
  private readonly known = new Set<string>();
  private keys: string[] = [];
  private keysStale = false;
  private readonly listeners = new Map<Topic, (() => void)[]>();

  constructor(private readonly now_ms: () => number = Date.now) {}

  on(topics: readonly Topic[], listener: () => void): void {
    for (const topic of topics) this.listeners.set(topic, [...(this.listeners.get(topic) ?? []), listener]);
  }

  /** A whole table of positions: what is not in it is gone. */
  replacePositions(answer: Positions): Applied {
    if (this.meta !== null && !sameLog(this.meta.log, answer.log)) this.forget();
    if (this.meta !== null && order(answer.offsets, this.meta.offsets) === "before") return "older";
    const keys = new Set(answer.rows.map(cellKey));
    for (const key of this.positions.keys()) if (!keys.has(key) && this.positions.delete(key)) this.keysStale = true;
    this.takePositions(answer);
    return "applied";
  }

  /** Changed rows. "apart" means that they do not follow on what is held: a whole state must be fetched. */
  patchPositions(event: Positions): Applied {
    if (this.meta === null || !sameLog(this.meta.log, event.log)) return "apart";
    const standing = order(event.offsets, this.meta.offsets);
    if (standing === "before") return "older";
    if (standing === "apart") return "apart";
    this.takePositions(event);
    return "applied";
  }

  replaceGap(answer: Gap): void {
    if (order(answer.offsets, this.gapOffsets) === "before") return;
    this.gap.clear();
    this.takeGap(answer);
  }

  /** Changed cells, each with all its rows: a bucket that is not among them has no flows any more. */
  patchGap(event: Gap): void {
    if (order(event.offsets, this.gapOffsets) === "before") return;
    for (const row of event.rows) this.gap.delete(cellKey(row));
    this.takeGap(event);
  }

  /** Adds those alerts that are not known yet; newest first, as the API sends them. */
  addAlerts(alerts: readonly Alert[], how: "first" | "live" | "earlier"): void {
    const fresh = alerts.filter((alert) => !this.known.has(alert.alert_id));
    if (fresh.length === 0) return;
    for (const { alert_id } of fresh) {
      this.known.add(alert_id);
      if (how === "live") this.unseen.add(alert_id);
    }
    this.alerts = how === "earlier" ? [...this.alerts, ...fresh] : [...fresh, ...this.alerts];
    // Forgotten alerts stay known: a resumed stream must not bring them back as new.
    if (how === "live") for (const old of this.alerts.splice(ALERTS_MAX)) this.unseen.delete(old.alert_id);
    this.tell("alerts");
  }

  see(alert_id?: string): void {
    if (alert_id === undefined) this.unseen.clear();
    else this.unseen.delete(alert_id);
    this.tell("alerts");
  }

  chooseEntity(entity: string | null): void {
    this.entity = entity;
    this.tell("scope");
  }

  choose(scope: Scope): void {
    this.chosen = scope;
    this.tell("scope");
  }

  /** What the charts show: the reader's choice if it is in view, else the first row in view. */
  get scope(): Scope | null {
    const rows = this.inView();
    const { chosen } = this;
    if (chosen === null) return rows[0] ?? null;
    const same = rows.filter((row) => row.currency === chosen.currency);
    return same.find((row) => row.entity === chosen.entity) ?? same[0] ?? rows[0] ?? null;
  }

  /** Rows of the entity filter, by entity and currency. */
  inView(): PositionRow[] {
    const rows: PositionRow[] = [];
    for (const key of this.sortedKeys()) {
      const row = this.positions.get(key);
      if (row && (this.entity === null || row.entity === this.entity)) rows.push(row);
    }
    return rows;
  }

  /** Sorted again only when a key came or went: with thousands of rows, ten times a second is too often. */
  private sortedKeys(): readonly string[] {
    if (this.keys.length !== this.positions.size || this.keysStale) {
      this.keys = [...this.positions.keys()].sort();
      this.keysStale = false;
    }
    return this.keys;
  }

  entities(): string[] {
    const names = [...this.positions.values(), ...this.alerts].map((row) => row.entity);
    return [...new Set(names)].sort();
  }

  currencies(): string[] {
    return [...new Set(this.inView().map((row) => row.currency))].sort();
  }

  /** The business dates in view, oldest first; entities may stand on different ones (decision S13). */
  businessDates(): string[] {
    const dates = this.inView().map((row) => row.as_of ?? this.meta?.as_of ?? "");
    return [...new Set(dates)].filter((day) => day !== "").sort();
  }

  private takePositions(answer: Positions): void {
    const { rows, ...meta } = answer;
    const known = Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined));
    this.meta = { ...this.meta, ...known, offsets: answer.offsets };
    if (!answer.provenance) this.meta.provenance = stillTrue(this.meta.provenance);
    for (const row of rows) {
      const key = cellKey(row);
      if (!this.positions.has(key)) this.keysStale = true;
      this.positions.set(key, row);
      let series = this.series.get(key);
      if (!series) this.series.set(key, (series = new Series()));
      series.add({ at_ms: this.now_ms(), text: row.position });
    }
    this.tell("positions");
  }

  private takeGap(answer: Gap): void {
    this.gapOffsets = answer.offsets;
    if (answer.as_of) this.gapDay = answer.as_of;
    if (answer.buckets) this.buckets = answer.buckets;
    for (const row of answer.rows) {
      const key = cellKey(row);
      let cells = this.gap.get(key);
      if (!cells) this.gap.set(key, (cells = new Map()));
      cells.set(row.bucket, row);
    }
    this.tell("gap");
  }

  /** The log was started afresh: nothing of the old one may stand beside the new one. */
  private forget(): void {
    this.positions.clear();
    this.keysStale = true;
    this.series.clear();
    this.gap.clear();
    this.known.clear();
    this.unseen.clear();
    this.alerts = [];
    this.meta = null;
    this.gapOffsets = {};
    this.tell("gap");
    this.tell("alerts");
  }

  private tell(topic: Topic): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }
}
