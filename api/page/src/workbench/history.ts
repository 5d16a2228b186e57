/** The history at the side: who did what, when it counts, when it was recorded, and which fields it changed. */

import type { Json } from "../calculations/api";
import { h, setHidden, setText } from "../dom";
import { grouped } from "../money";
import { clock } from "../time";
import type { StoredEvent } from "./api";
import { T, word } from "./words";

export interface Change {
  readonly name: string;
  /** undefined: the field is new. */
  readonly before: Json | undefined;
  readonly after: Json;
}

/** What each event says that was not said before, by event id; events of one record after the other, oldest first. */
export function changesOf(events: readonly StoredEvent[]): Map<string, Change[]> {
  const known = new Map<string, Map<string, Json>>();
  const found = new Map<string, Change[]>();
  for (const event of events) {
    const record = `${event.aggregate}/${event.key}`;
    const facts = known.get(record) ?? known.set(record, new Map()).get(record) ?? new Map<string, Json>();
    const changes: Change[] = [];
    for (const [name, after] of Object.entries(event.payload)) {
      const before = facts.get(name);
      if (after !== null && (before === undefined || JSON.stringify(before) !== JSON.stringify(after))) changes.push({ name, before, after });
      facts.set(name, after);
    }
    found.set(event.id, changes);
  }
  return found;
}

/** Any value of a record for reading: amounts grouped, lists and objects in words. */
export function shownValue(value: Json | undefined): string {
  if (value === null || value === undefined || value === "" || value === "-") return "–";
  if (typeof value === "string") return /^-?[0-9]+\.[0-9]{2}$/.test(value) ? grouped(value) : /^[A-Z]+_[A-Z_]+$|^[A-Z]{4,}$/.test(value) ? word(value) : value;
  if (typeof value === "boolean") return value ? T.yes : T.no;
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map(shownValue).join("; ") || "–";
  return Object.entries(value).map(([name, inner]) => `${word(name)} ${shownValue(inner as Json)}`).join(T.between) || "–";
}

const NAMED_MAX = 5; // fields of an event named before it is opened
const HIDDEN = new Set(["entity_id", "branch", "ccy", "snapshot_hash"]); // said elsewhere, or for machines

export class HistoryPane {
  readonly element = h("section", { class: "panel desk-history", "aria-labelledby": "desk-history-title" });
  private events: readonly StoredEvent[] = [];
  private changes = new Map<string, Change[]>();
  private own: { kind: string; key: string } = { kind: "", key: "" };
  private readonly scope = h("select", { id: "desk-history-scope" });
  private readonly who = h("select", { id: "desk-history-who" });
  private readonly search = h("input", { type: "search", id: "desk-history-search", autocomplete: "off" });
  private readonly count = h("span", { class: "quiet", role: "status" });
  private readonly list = h("ol", { class: "desk-events" });
  private readonly none = h("p", { class: "empty", hidden: true });

  constructor() {
    for (const input of [this.scope, this.who, this.search]) input.addEventListener("input", () => this.render());
  }

  draw(): void {
    const labelled = (id: string, title: string, input: HTMLElement): HTMLElement => h("label", { for: id }, h("span", {}, title), input);
    const kept = this.scope.value;
    this.scope.replaceChildren(h("option", { value: "" }, T.historyAll), h("option", { value: "own" }, T.historyOwn));
    this.scope.value = kept;
    setText(this.none, T.noEvents);
    this.element.replaceChildren(
      h("header", {}, h("h3", { id: "desk-history-title" }, T.history), this.count),
      h("div", { class: "desk-filters" }, labelled(this.scope.id, T.whatKind, this.scope), labelled(this.who.id, T.who, this.who), labelled(this.search.id, T.inHistory, this.search)),
      this.none,
      this.list,
    );
    this.show(this.events, this.own.kind, this.own.key);
  }

  show(events: readonly StoredEvent[], kind: string, key: string): void {
    [this.events, this.own, this.changes] = [events, { kind, key }, changesOf(events)];
    const kept = this.who.value;
    const actors = [...new Set(events.map((event) => event.actor))].sort();
    this.who.replaceChildren(h("option", { value: "" }, T.everybody), ...actors.map((actor) => h("option", { value: actor }, actor)));
    this.who.value = actors.includes(kept) ? kept : "";
    this.render();
  }

  private render(): void {
    const sought = this.search.value.toLowerCase();
    const found = this.events.filter((event) => {
      const isOwn = event.aggregate === this.own.kind && event.key === this.own.key;
      const said = `${word(event.type)} ${event.type} ${event.key} ${event.reason} ${JSON.stringify(event.payload)}`.toLowerCase();
      return (this.scope.value === "" || isOwn) && (this.who.value === "" || event.actor === this.who.value) && said.includes(sought);
    });
    this.list.replaceChildren(...found.toReversed().map((event) => this.item(event)));
    setText(this.count, T.events(found.length, this.events.length));
    setHidden(this.none, found.length > 0);
  }

  private item(event: StoredEvent): HTMLElement {
    return h("li", { "data-event": event.type }, ...told(event, this.changes.get(event.id) ?? [], event.aggregate !== this.own.kind || event.key !== this.own.key));
  }
}

/** One event as the history tells it. `named`: with the record that it belongs to. */
export function told(event: StoredEvent, changes: readonly Change[], named: boolean): HTMLElement[] {
  const seen = changes.filter(({ name, before, after }) => !HIDDEN.has(name) && (before !== undefined || shownValue(after) !== "–"));
  const fields = seen.flatMap(({ name, before, after }) => [
    h("dt", {}, word(name)),
    h("dd", {}, shownValue(after), before !== undefined && h("span", { class: "quiet" }, ` (${T.was} ${shownValue(before)})`)),
  ]);
  return [
    h("p", {}, h("b", {}, word(event.type)), named && h("span", { class: "quiet" }, ` ${word(event.aggregate)} ${event.key}`)),
    h("p", { class: "quiet" }, `${event.actor} (${event.role}) · ${T.counts(event.valid_on)} · ${T.recorded(`${event.recorded_at.slice(0, 10)} ${clock(event.recorded_at)} UTC`)}`),
    ...(event.reason === "" ? [] : [h("p", {}, T.because(event.reason))]),
    ...(event.docs.length === 0 ? [] : [h("p", { class: "quiet" }, `${T.docs}: ${event.docs.join(T.between)}`)]),
    ...(fields.length === 0 ? [] : [h("details", {}, h("summary", {}, seen.slice(0, NAMED_MAX).map(({ name }) => word(name)).join(T.between), seen.length > NAMED_MAX && "…"), h("dl", { class: "facts" }, ...fields))]),
  ];
}
