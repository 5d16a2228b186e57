/** One alert in full: why it was raised, the entries behind it, what became of it, and acting on it. */

import { Answers, empty, failure, labelled, panel } from "../auditor/pane";
import { h } from "../dom";
import { edges, inUnits, limitOf } from "../limit-facts";
import { grouped } from "../money";
import { retold } from "../problems";
import { ALERTS } from "../rooms";
import { number, plain, table } from "../table";
import { clock } from "../time";
import type { AlertEntry } from "../wire";
import type { StoredEvent } from "../workbench/api";
import { type Act, type Delivery, HOWS, type One, type Told, act, behind, deliveries, one } from "./api";
import { Said, amountOf, button, incidentOf, nameOf, select, severityOf, stateOf } from "./pieces";
import { T, named, when } from "./words";

interface Step {
  readonly at: string;
  readonly what: string;
  readonly who: string;
  readonly note: string;
}

const ENDED: ReadonlySet<string> = new Set(["RESOLVED", "EXPIRED"]);

/** Raised, delivered, acknowledged and so on, in the order in which it happened. */
export function steps(found: One, sent: readonly Delivery[]): Step[] {
  const raised = { at: found.alert.appended_at ?? found.alert.event_time, what: T.steps["raised"] ?? "", who: "", note: retold(found.alert.reason) };
  const acts = found.history.map((event) => ({ at: event.recorded_at, what: named(T.steps, event.type), who: event.role === "SY" ? T.system : event.actor, note: noteOf(event) }));
  const deliveredAt = sent.map((one) => {
    const channel = named(T.channels, one.channel);
    const isThere = one.state === "delivered";
    const what = isThere ? T.told(channel, one.target) : T.notTold(channel, one.target, named(T.deliveryStates, one.state));
    return { at: one.ended_at ?? one.next_attempt_at ?? one.due_at ?? raised.at, what, who: "", note: [one.subscription, named(T.purposes, one.purpose), one.error].filter(Boolean).join(" · ") };
  });
  return [raised, ...acts, ...deliveredAt].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)); // by the instant: some are told to the millisecond
}

function noteOf(event: StoredEvent): string {
  const { how, comment, to, level, error_text: error } = event.payload;
  const told = Array.isArray(to) ? to.join(", ") : "";
  return [typeof how === "string" ? named(T.hows, how) : "", typeof comment === "string" ? comment : "", level === undefined ? "" : String(level), told, typeof error === "string" ? error : ""].filter(Boolean).join(" · ");
}

export class AlertView {
  readonly element = h("div", { class: "aud-tab ac-one" });
  private visit = 0;

  constructor(private readonly id: string) {
    this.element.append(h("p", { class: "spinner", role: "status" }, T.loading));
    void this.load(true);
  }

  private async load(isFirst = false): Promise<void> {
    this.visit += 1;
    const { visit } = this;
    try {
      const [found, sent] = await Promise.all([one(this.id), deliveries({ alert_id: this.id }).then(({ rows }) => rows, () => [])]);
      if (visit !== this.visit) return;
      this.draw(found, sent, isFirst);
    } catch (error) {
      if (visit === this.visit) this.element.replaceChildren(failure(error, () => void this.load()));
    }
  }

  private draw(found: One, sent: readonly Delivery[], isFirst: boolean): void {
    const { alert, life } = found;
    const title = h("h3", { tabindex: -1, id: "ac-one-title" }, `${alert.entity} · ${nameOf(alert)}`);
    const head = h("div", { class: "ac-head" }, h("a", { href: ALERTS, id: "ac-back" }, `← ${T.back}`), severityOf(life.severity), title, stateOf(T.states, life.state));
    if (!isFirst) {
      this.element.querySelector(".ac-head")?.replaceWith(head);
      this.element.querySelector("#aud-life")?.replaceWith(lifePanel(found, sent));
      return this.offer(found);
    }
    const entries = new Answers();
    void entries.ask(() => behind(this.id), (full) => [entriesOf(full.entries ?? [], alert.currency)]);
    this.element.replaceChildren(head, h("div", { class: "ac-columns" }, panel("why", T.why, T.utc, facts(alert)), panel("act", T.act, "", this.form())), lifePanel(found, sent), panel("entries", T.entries, "", entries.element));
    this.offer(found);
    title.focus({ preventScroll: true });
  }

  private readonly said = new Said();
  private readonly note = h("textarea", { id: "ac-one-note", rows: 2, maxlength: 2_000 });
  private readonly how = select(Object.fromEntries(HOWS.map((code) => [code, named(T.hows, code)])), { id: "ac-one-how" });
  private readonly buttons: Readonly<Record<Act, HTMLButtonElement>> = {
    acknowledge: button(T.acknowledge, () => void this.act("acknowledge"), { class: "primary" }),
    resolve: button(T.resolve, () => void this.act("resolve")),
    comment: button(T.comment, () => void this.act("comment")),
    reopen: button(T.reopen, () => void this.act("reopen")),
  };

  private form(): HTMLElement {
    const { acknowledge, resolve, comment, reopen } = this.buttons;
    return h("div", { class: "ac-act" }, labelled(T.note, this.note), h("div", { class: "ac-line" }, acknowledge, comment, reopen), h("div", { class: "ac-line" }, labelled(T.how, this.how), resolve), this.said.element);
  }

  /** Shows what is possible now; a button that goes gives its focus to the comment. */
  private offer({ life }: One): void {
    const isOpen = life.state === "RAISED" || life.state === "EXPIRED";
    const had = document.activeElement;
    this.buttons.acknowledge.hidden = !isOpen;
    this.buttons.resolve.hidden = life.state === "RESOLVED";
    this.buttons.reopen.hidden = !ENDED.has(life.state) || life.version === 0;
    this.how.parentElement?.toggleAttribute("hidden", life.state === "RESOLVED");
    if (had instanceof HTMLElement && had.hidden) this.note.focus({ preventScroll: true });
  }

  private async act(name: Act): Promise<void> {
    const comment = this.note.value.trim();
    const body = { ...(comment === "" ? {} : { comment }), ...(name === "resolve" ? { how: this.how.value } : {}) };
    const done = await this.said.of(() => act(this.id, name, body), () => T.done[name] ?? name);
    if (done === null) return;
    this.note.value = "";
    await this.load();
  }
}

function facts(alert: Told): HTMLElement {
  const { rule_facts: rule, source } = alert;
  const limit = limitOf(alert);
  const known = (text: string): string => (text === "-" ? "" : text);
  const rows: readonly (readonly [string, string | Node | null | undefined])[] = [
    [T.reason, retold(alert.reason)],
    [T.rule, rule ? `${rule.rule_id}, ${T.version(rule.version)}` : `${alert.rule} ${alert.rule_version}`],
    [T.expression, rule && h("code", {}, rule.expression)],
    ...Object.entries(rule?.facts ?? {}).map(([name, value]) => [name, String(value)] as const),
    [T.limit, limit?.limit_id],
    [T.value, limit ? `${inUnits(limit.metric, limit.value)} (${edges(limit.metric, limit.minimum, limit.maximum)})` : rule?.value],
    [T.amount, amountOf(alert)],
    [T.threshold, limit || rule ? "" : grouped(alert.threshold)],
    [T.raisedAt, when(alert.event_time)],
    [T.organisation, known(alert.organisation)],
    [T.customer, known(alert.customer)],
    [T.account, known(alert.account)],
    [T.incident, incidentOf(alert) === alert.alert_id ? "" : h("a", { href: `${ALERTS}/${encodeURIComponent(incidentOf(alert))}` }, incidentOf(alert))],
    [T.inLog, `${source.topic}/${source.partition} @ ${source.offset - 1}`],
    [T.alertId, alert.alert_id],
  ];
  const list = h("dl", { class: "ac-facts" });
  for (const [name, value] of rows) if (value) list.append(h("dt", {}, name), h("dd", {}, value));
  return list;
}

function entriesOf(entries: readonly AlertEntry[], currency: string): HTMLElement {
  if (entries.length === 0) return empty(T.noEntries);
  const rows = entries.map((entry) => {
    const record: Readonly<Record<string, unknown>> = entry.record ?? (entry as Readonly<Record<string, unknown>>);
    const text = (name: string): string => (typeof record[name] === "string" ? record[name] : "");
    const amount = entry.amount ?? text("amount");
    const type = [text("txn_type"), text("channel")].filter((part) => part !== "" && part !== "-").join(" · ");
    return [plain(text("txn_id") || String(entry.offset ?? "")), plain(clock(entry.event_time ?? text("event_time"), "")), plain(text("account_id")), plain(type), number(amount === "" ? "" : `${currency} ${grouped(amount)}`)];
  });
  return table(T.entries, T.entryHeads, rows);
}

function lifePanel(found: One, sent: readonly Delivery[]): HTMLElement {
  const items = steps(found, sent).map((step) =>
    h("li", {}, h("time", { class: "quiet", datetime: step.at }, when(step.at)), h("b", {}, step.what), step.who === "" ? null : h("span", {}, T.by(step.who)), step.note === "" ? null : h("span", { class: "quiet" }, step.note)),
  );
  return panel("life", T.life, T.utc, h("ol", { class: "ac-steps" }, ...items));
}
