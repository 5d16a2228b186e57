/** The alert list: newest first, each opens what is behind it. */

import { describe } from "./board/marks";
import { arrange, byId, h, onFrame, setHidden, setText } from "./dom";
import { edges, headroom, inUnits, limitOf } from "./limit-facts";
import { grouped, parse, timesOver } from "./money";
import { retold, said } from "./problems";
import { LIQUIDITY } from "./rooms";
import { severityMark } from "./severity";
import type { Store } from "./store";
import { clock, count } from "./time";
import { type Alert, type AlertEntry, type AlertPage, type LimitFacts, get } from "./wire";
import { T, onWords } from "./words";

const PAGE = 100;
const SAY_MS = 3_000;

const measured = (alert: Alert): string => alert.rolling ?? alert.amount;

/** How many times its threshold a flow is, where that is twice or more; empty: less, or there is no threshold. */
export function timesOf(alert: Alert): string {
  const times = timesOver(parse(measured(alert)), parse(alert.threshold));
  return times >= 2n ? ` · ${times}×` : "";
}

export class AlertList {
  private readonly items = new Map<string, HTMLLIElement>();
  private shown_max = PAGE;
  private cursor: string | null | undefined;
  private announced = new Set<string>();
  private sayTimer = 0;
  private readonly draw = onFrame(() => this.render());
  private readonly list = byId("alerts-list");
  private readonly more = byId<HTMLButtonElement>("alerts-more");

  constructor(private readonly store: Store) {
    store.on(["alerts", "scope"], this.draw);
    store.on(["alerts"], () => this.count());
    byId("alerts-seen").addEventListener("click", () => store.see());
    this.more.addEventListener("click", () => void this.loadMore());
    onWords(() => {
      this.items.clear(); // written anew; what was open is opened again by the reader
      this.draw();
      this.count();
    });
  }

  private inView(): Alert[] {
    return this.store.alerts.filter((alert) => this.store.entity === null || alert.entity === this.store.entity);
  }

  private render(): void {
    const alerts = this.inView();
    const first = alerts.slice(0, this.shown_max);
    const keep = new Set(first.map((alert) => alert.alert_id));
    for (const id of this.items.keys()) if (!keep.has(id)) this.items.delete(id);
    for (const alert of first) {
      let item = this.items.get(alert.alert_id);
      if (!item) this.items.set(alert.alert_id, (item = this.itemOf(alert)));
      item.classList.toggle("unseen", this.store.unseen.has(alert.alert_id));
    }
    arrange(this.list, first.map((alert) => this.items.get(alert.alert_id) as HTMLLIElement));
    setHidden(byId("alerts-empty"), alerts.length > 0);
    setHidden(this.more, alerts.length < PAGE || (this.cursor === null && alerts.length <= this.shown_max));
    const critical = alerts.filter(({ severity }) => severity === "CRITICAL").length;
    describe(byId("alerts-about"), T.alertsAbout(count(alerts.length), count(critical)), "alerts", this.store.entity ?? "");
  }

  /** Not in a frame: a hidden tab draws none, and its title is just what one sees of it. */
  private count(): void {
    const unseen = this.store.unseen.size;
    document.title = unseen > 0 ? `(${unseen}) Tidemark` : "Tidemark";
    const badge = byId("alerts-unseen");
    setText(badge, T.unseen(count(unseen)));
    setHidden(badge, unseen === 0);
    setHidden(byId("alerts-seen"), unseen === 0);
    if (unseen > 0 && this.sayTimer === 0) {
      this.sayTimer = window.setTimeout(() => this.say(), 200);
    }
  }

  /** A screen reader hears at most one sentence every few seconds, however many alerts come. */
  private say(): void {
    const fresh = this.store.alerts.filter(({ alert_id }) => this.store.unseen.has(alert_id) && !this.announced.has(alert_id));
    const [newest] = fresh;
    if (newest) {
      const limit = limitOf(newest);
      const what = limit ? T.sayLimit(T.metrics[limit.metric] ?? limit.metric.toUpperCase(), T.lightCodes[limit.light], T.wayWords[newest.kind]) : `${newest.currency} ${grouped(measured(newest))}`;
      setText(byId("alerts-live"), T.say(fresh.length, newest.entity, what, retold(newest.reason)));
    }
    this.announced = new Set(this.store.unseen);
    this.sayTimer = window.setTimeout(() => {
      this.sayTimer = 0;
      if (this.store.unseen.size > this.announced.size) this.count();
    }, SAY_MS);
  }

  private itemOf(alert: Alert): HTMLLIElement {
    const detail = h("div", { class: "detail", hidden: true, id: `alert-${alert.alert_id}` });
    const limit = limitOf(alert);
    const button = h(
      "button",
      { type: "button", class: "alert", "aria-expanded": "false", "aria-controls": detail.id },
      severityMark(alert.severity, T.severities),
      h("time", { datetime: alert.event_time, title: `${alert.event_time} (UTC)` }, clock(alert.event_time, "")),
      ...(limit ? crossing(alert, limit) : flow(alert)),
      h("span", { class: "reason" }, ...tags(alert), limit && T.headroom(headroom(limit)), retold(alert.reason)),
    );
    const item = h("li", { "data-alert": alert.alert_id }, button, detail);
    button.addEventListener("click", () => {
      const open = detail.hidden;
      setHidden(detail, !open);
      button.setAttribute("aria-expanded", String(open));
      this.store.see(alert.alert_id);
      if (open && detail.childElementCount === 0) void this.explain(alert, detail);
    });
    return item;
  }

  private async explain(alert: Alert, detail: HTMLElement): Promise<void> {
    detail.replaceChildren(h("p", { class: "quiet" }, T.loadingEntries));
    try {
      const full = await get<Alert>(`/alerts/${encodeURIComponent(alert.alert_id)}`);
      const { limit } = alert;
      const below = limit ? [behind(limit)] : [entriesTable(full.entries ?? [], alert.currency)];
      detail.replaceChildren(facts({ ...alert, ...full }), ...below);
    } catch (error) {
      const text = said(error);
      const retry = h("button", { class: "plain", type: "button", onclick: () => void this.explain(alert, detail) }, T.again);
      detail.replaceChildren(h("p", { class: "failed" }, T.entriesFailed(text), retry));
    }
  }

  private async loadMore(): Promise<void> {
    this.more.disabled = true;
    try {
      // The stream gave no cursor: the first page asked for may hold nothing new, the second one must.
      for (let tries = 0; tries < 2 && this.cursor !== null && this.inView().length <= this.shown_max; tries++) {
        await this.loadPage();
      }
      this.shown_max += PAGE;
    } catch {
      // The button stays and can be pressed again; the header already says that the server is away.
    } finally {
      this.more.disabled = false;
      this.draw();
    }
  }

  private async loadPage(): Promise<void> {
    const before = this.cursor ?? undefined;
    const had = this.store.alerts.length;
    const page = await get<AlertPage>("/alerts", { limit: String(PAGE), before, entity: this.store.entity ?? undefined });
    this.store.addAlerts(page.alerts, "earlier");
    const dry = before !== undefined && this.store.alerts.length === had;
    this.cursor = dry || page.alerts.length < PAGE ? null : (page.cursor ?? null);
  }
}

/** What else is to be known at once: which light it is, that it corrects another, that its entry came late. */
function tags(alert: Alert): HTMLElement[] {
  const light = alert.limit && h("span", { class: `tag light-${alert.limit.light}`, title: T.lightTitle(lightWord(alert.limit.light_before)) }, T.lights[alert.limit.light]);
  const told = [alert.kind === "corrected" && T.ways.corrected, alert.late && T.late].filter((text): text is string => Boolean(text));
  return [...(light ? [light] : []), ...told.map((text) => h("span", { class: "tag" }, text))];
}

/** Who and how much, of an alert on a flow. */
function flow(alert: Alert): HTMLElement[] {
  const span = alert.rolling != null ? T.inMinutes(String(alert.window_minutes ?? "?")) : T.single;
  return [
    h("span", { class: "who" }, h("b", {}, alert.entity), ` · ${known(alert.customer) || known(alert.account) || alert.txn_id}`),
    h("span", { class: "amount" }, `${alert.currency} `, h("b", { "data-exact": measured(alert) }, grouped(measured(alert)))),
    h("span", { class: "threshold" }, span, T.limit(grouped(alert.threshold)), timesOf(alert)),
  ];
}

/** Which way a limit's light went, and the value beside its limit. */
function crossing(alert: Alert, limit: LimitFacts): HTMLElement[] {
  const whose = limit.scope === "group" ? T.group : alert.entity;
  const name = `${T.metrics[limit.metric] ?? limit.metric.replaceAll("_", " ").toUpperCase()}${limit.scope === "currency" ? ` ${alert.currency}` : ""}`;
  return [
    h("span", { class: "who" }, h("b", {}, whose), ` · ${name} · ${T.ways[alert.kind]}`),
    h("span", { class: "amount" }, h("b", { "data-exact": limit.value }, inUnits(limit.metric, limit.value))),
    h("span", { class: "threshold" }, T.limit(edges(limit.metric, limit.minimum, limit.maximum))),
  ];
}

function behind(limit: LimitFacts): HTMLElement {
  return h("p", {}, T.lightMoved(lightWord(limit.light_before), lightWord(limit.light), limit.as_of), h("a", { href: LIQUIDITY }, T.limitsAndPlans));
}

function facts(alert: Alert): HTMLElement {
  const list = h("dl", { class: "facts" });
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    [T.alertFacts.rule, `${alert.rule} ${alert.rule_version}`],
    [T.alertFacts.limit, alert.limit?.limit_id],
    [T.alertFacts.incident, alert.limit?.incident],
    [T.alertFacts.organisation, known(alert.organisation)],
    [T.alertFacts.customer, known(alert.customer) && `${alert.customer} (${alert.customer_class})`],
    [T.alertFacts.account, known(alert.account)],
    [T.alertFacts.entry, known(alert.txn_id)],
    [T.alertFacts.place, `${alert.source.topic}/${alert.source.partition} @ ${alert.source.offset - 1}`],
    [T.alertFacts.corrects, alert.corrects],
    [T.alertFacts.id, alert.alert_id],
  ];
  for (const [name, value] of rows) if (value) list.append(h("dt", {}, name), h("dd", {}, value));
  return list;
}

const lightWord = (code: string): string => (T.lightCodes as Readonly<Record<string, string>>)[code] ?? code;

const known = (text: string): string => (text === "-" ? "" : text);

/** An entry may come bare or with its record resolved; the record's own names are those of the topic. */
function entriesTable(entries: readonly AlertEntry[], currency: string): HTMLElement {
  const body = h("tbody");
  for (const entry of entries) {
    const record: Readonly<Record<string, unknown>> = entry.record ?? (entry as Readonly<Record<string, unknown>>);
    const text = (name: string): string => {
      const value = record[name];
      return typeof value === "string" ? value : "";
    };
    const amount = entry.amount ?? text("amount");
    body.append(
      h(
        "tr",
        {},
        h("td", { class: "number" }, entry.offset === undefined ? "" : count(entry.offset)),
        h("td", {}, clock(entry.event_time ?? text("event_time"), "")),
        h("td", {}, text("txn_id")),
        h("td", {}, text("account_id")),
        h("td", {}, [text("txn_type"), text("channel")].filter((part) => part !== "" && part !== "-").join(" · ")),
        h("td", { class: "number" }, amount === "" ? "" : grouped(amount)),
      ),
    );
  }
  const heads = T.entryHeads(currency);
  const head = h("tr", {}, ...heads.map((name, at) => h("th", { scope: "col", class: at === 0 || at === 5 ? "number" : "" }, name)));
  const caption = h("caption", {}, T.entriesCaption(entries.length));
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": T.entriesRegion }, h("table", { class: "entries" }, caption, h("thead", {}, head), body));
}
