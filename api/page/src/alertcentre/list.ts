/**
 * The alerts, newest first, those of one incident together; new ones merge in while the reader works.
 *
 * What is under the reader's hand stays where it is: rows that arrive push the scroll position, not the row.
 */

import { failure, labelled } from "../auditor/pane";
import { arrange, h, setHidden, setText } from "../dom";
import { live } from "../live";
import { retold, why } from "../problems";
import { ALERTS, roomOf } from "../rooms";
import { SEVERITIES } from "../severity";
import { type Act, HOWS, type Page, type Row, STATES, type Wanted, actOnMany, alerts, cases } from "./api";
import { Said, amountOf, button, incidentOf, nameOf, select, severityOf, stateOf } from "./pieces";
import { T, named, when } from "./words";

const PAGE = 100;
const MERGE_MS = 500;
const REFRESH_MS = 15_000; // acts of other people come by no stream
const ACTS_MAX = 200;

/** Rows in the order of the list: the newest of each incident, then the others of it. */
export function byIncident(rows: readonly Row[]): { readonly row: Row; readonly others: number; readonly lead: string }[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = incidentOf(row.alert);
    const found = groups.get(key);
    if (found) found.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].flatMap((group) => group.map((row, at) => ({ row, others: at === 0 ? group.length - 1 : 0, lead: group[0]?.alert.alert_id ?? "" })));
}

export class AlertsView {
  readonly element: HTMLElement;
  private rows: readonly Row[] = [];
  private cursor: string | null = null;
  private visit = 0;
  private timer = 0;
  private current = "";
  private readonly items = new Map<string, { readonly element: HTMLLIElement; readonly sign: string }>();
  private readonly selected = new Set<string>();
  private readonly opened = new Set<string>();
  private readonly states = new Set<string>(["RAISED", "ACKNOWLEDGED"]);
  private readonly severity = select({ "": T.severities[""] ?? "", ...Object.fromEntries(SEVERITIES.map((code) => [code, named(T.severities, code)])) }, { id: "ac-severity" });
  private readonly rule = h("input", { type: "search", id: "ac-rule", size: 14, autocomplete: "off" });
  private readonly entity = h("input", { type: "search", id: "ac-entity", size: 10, autocomplete: "off" });
  private readonly silenced = select(T.deliveryFilters, { id: "ac-silenced" });
  private readonly mine = h("input", { type: "checkbox", id: "ac-mine" });
  private readonly list = h("ul", { class: "ac-list", "aria-label": T.list });
  private readonly none = h("p", { class: "empty", hidden: true }, T.noAlerts);
  private readonly problem = h("div");
  private readonly more = button(T.more, () => void this.load(this.rows.length + PAGE), { id: "ac-more" });
  private readonly about = h("span", { class: "quiet", id: "ac-count" });
  private readonly arrived = h("span", { class: "visually-hidden", role: "status" });
  private readonly held = h("a", { href: `${ALERTS}/silences`, hidden: true });
  private readonly note = h("input", { type: "text", id: "ac-note", maxlength: 2_000, autocomplete: "off" });
  private readonly how = select(Object.fromEntries(HOWS.map((code) => [code, named(T.hows, code)])), { id: "ac-how" });
  private readonly chosen = h("b", { id: "ac-chosen" }, T.selected(0));
  private readonly said = new Said();

  constructor() {
    const chips = STATES.map((state) => button(named(T.states, state), () => this.toggleState(state), { "data-state": state, "aria-pressed": String(this.states.has(state)) }));
    const filters = h("form", { class: "ac-filters" }, h("div", { class: "ac-chips", role: "group", "aria-label": T.stateFilter }, ...chips), labelled(T.severity, this.severity), labelled(T.rule, this.rule), labelled(T.entity, this.entity), labelled(T.deliveryFilter, this.silenced), h("label", { class: "ac-check" }, this.mine, T.mine));
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("change", () => void this.load());
    const all = button(T.selectAll, () => this.selectAll(), { id: "ac-all" });
    const bar = h("div", { class: "ac-bar" }, this.chosen, all, labelled(T.note, this.note), button(T.acknowledge, () => void this.act("acknowledge"), { id: "ac-acknowledge" }), labelled(T.how, this.how), button(T.resolve, () => void this.act("resolve"), { id: "ac-resolve" }), this.said.element);
    this.how.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.act("resolve");
    });
    const header = h("header", {}, h("h3", { id: "ac-list-title" }, T.list), this.about, this.held, h("span", { class: "quiet ac-keys" }, T.listAbout));
    this.element = h("section", { class: "panel ac-panel", "aria-labelledby": "ac-list-title" }, header, filters, this.arrived, this.problem, this.none, this.list, this.more, bar);
    this.element.addEventListener("keydown", (event) => this.key(event));
    live.store.on(["alerts"], () => this.soon());
    setInterval(() => this.isShown() && this.soon(), REFRESH_MS);
    void this.load();
  }

  /** The reader comes back from an alert. */
  enter(): void {
    void this.load().then(() => this.focusRow(this.current));
  }

  private isShown(): boolean {
    return roomOf(location.hash) === "alerts" && this.element.isConnected && document.visibilityState === "visible";
  }

  private get wanted(): Wanted {
    return { states: [...this.states], severity: this.severity.value, rule: this.rule.value.trim(), entity: this.entity.value.trim(), mine: this.mine.checked, silenced: this.silenced.value };
  }

  private toggleState(state: string): void {
    if (!this.states.delete(state)) this.states.add(state);
    for (const chip of this.element.querySelectorAll<HTMLElement>(".ac-chips button")) chip.setAttribute("aria-pressed", String(this.states.has(chip.dataset["state"] ?? "")));
    void this.load();
  }

  private soon(): void {
    if (this.timer !== 0 || !this.isShown()) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.load();
    }, MERGE_MS);
  }

  private async load(limit = Math.max(PAGE, this.rows.length)): Promise<void> {
    this.visit += 1;
    const { visit } = this;
    const had = new Set(this.rows.map(({ alert }) => alert.alert_id));
    try {
      const page: Page = await alerts(this.wanted, Math.min(1_000, limit));
      if (visit !== this.visit) return;
      this.problem.replaceChildren();
      [this.rows, this.cursor] = [page.rows, page.cursor];
      const fresh = page.rows.filter(({ alert }) => !had.has(alert.alert_id)).length;
      this.draw();
      if (had.size > 0 && fresh > 0) setText(this.arrived, T.arrived(fresh));
    } catch (error) {
      if (visit === this.visit) this.problem.replaceChildren(failure(error, () => void this.load()));
    }
    void this.count();
  }

  private async count(): Promise<void> {
    const found = await cases("alert-silences", { stage: "IN_FORCE" }).catch(() => null);
    const now = new Date().toISOString();
    const active = (found?.rows ?? []).filter((one) => String(one["ends_at"]) > now).length;
    setText(this.held, T.silencesInForce(active));
    setHidden(this.held, active === 0);
  }

  private draw(): void {
    const known = new Set(this.rows.map(({ alert }) => alert.alert_id));
    for (const id of this.selected) if (!known.has(id)) this.selected.delete(id);
    const order = [...this.list.children].map((item) => (item as HTMLElement).dataset["alert"] ?? "");
    const anchor = this.anchor();
    const ordered = byIncident(this.rows);
    const elements = ordered.map(({ row, others, lead }) => this.itemOf(row, others, lead));
    const hadFocus = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement) ? document.activeElement : null;
    for (const id of this.items.keys()) if (!known.has(id)) this.items.delete(id);
    arrange(this.list, elements);
    if (anchor) this.list.scrollTop += this.topOf(anchor.id) === null ? 0 : (this.topOf(anchor.id) ?? 0) - anchor.top;
    if (hadFocus && document.activeElement !== hadFocus) this.refocus(hadFocus, order);
    setHidden(this.none, this.rows.length > 0);
    setHidden(this.more, this.cursor === null);
    setText(this.about, T.shown(this.rows.length));
    this.mark();
  }

  /** Moving a row takes the focus from it; a row that went leaves it to the one after it. */
  private refocus(element: HTMLElement, order: readonly string[]): void {
    if (element.isConnected) return element.focus({ preventScroll: true });
    const at = order.indexOf(this.current);
    const next = [...order.slice(at + 1), ...order.slice(0, Math.max(at, 0)).reverse()].find((id) => this.items.get(id)?.element.hidden === false);
    this.focusRow(next ?? "");
  }

  /** What must not move: the row with the focus, else the first one in sight once the reader has scrolled. */
  private anchor(): { id: string; top: number } | null {
    if (this.list.scrollTop === 0 && !this.list.contains(document.activeElement)) return null;
    const seen = [...this.list.children] as HTMLElement[];
    const held = seen.find((item) => item.contains(document.activeElement)) ?? seen.find((item) => item.offsetTop + item.offsetHeight > this.list.scrollTop);
    const id = held?.dataset["alert"] ?? "";
    const top = this.topOf(id);
    return top === null ? null : { id, top };
  }

  private topOf(id: string): number | null {
    const element = this.items.get(id)?.element;
    return element?.isConnected ? element.offsetTop : null;
  }

  private itemOf(row: Row, others: number, lead: string): HTMLLIElement {
    const { alert, life } = row;
    const id = alert.alert_id;
    const sign = JSON.stringify([life, others, lead === id]);
    const known = this.items.get(id);
    const element = known?.element ?? h("li", { "data-alert": id });
    element.hidden = lead !== id && !this.opened.has(lead);
    if (known?.sign === sign) return element;
    const focused = element.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["part"] : undefined;
    const box = h("input", { type: "checkbox", "aria-label": T.select(nameOf(alert)), "data-part": "box" });
    box.checked = this.selected.has(id);
    box.addEventListener("change", () => this.choose(id, box.checked));
    const toggle = others === 0 ? null : button(T.others(others), () => this.openGroup(id), { class: "plain ac-others", "aria-expanded": String(this.opened.has(id)), "data-part": "others" });
    element.className = lead === id ? "ac-row" : "ac-row ac-of";
    element.dataset["state"] = life.state;
    element.replaceChildren(
      h("label", { class: "ac-pick" }, box),
      severityOf(life.severity),
      h("a", { class: "ac-name", href: `${ALERTS}/${encodeURIComponent(id)}`, "data-part": "name" }, h("b", {}, alert.entity), ` · ${nameOf(alert)}`),
      stateOf(T.states, life.state),
      h("span", { class: "ac-kind quiet" }, named(T.kinds, alert.kind), life.silenced ? ` · ${T.isSilenced}` : ""),
      h("span", { class: "ac-amount" }, amountOf(alert)),
      h("time", { class: "quiet", datetime: alert.event_time, title: T.utc }, when(alert.event_time)),
      h("span", { class: "ac-reason quiet" }, retold(alert.reason)),
      ...(toggle === null ? [] : [toggle]),
    );
    if (known === undefined) element.addEventListener("focusin", () => this.setCurrent(id));
    this.items.set(id, { element, sign });
    if (focused) element.querySelector<HTMLElement>(`[data-part="${focused}"]`)?.focus({ preventScroll: true });
    return element;
  }

  private openGroup(lead: string): void {
    if (!this.opened.delete(lead)) this.opened.add(lead);
    this.items.get(lead)?.element.querySelector(".ac-others")?.setAttribute("aria-expanded", String(this.opened.has(lead)));
    this.draw();
  }

  private setCurrent(id: string): void {
    this.current = id;
    this.mark();
  }

  private mark(): void {
    for (const [id, { element }] of this.items) element.classList.toggle("ac-current", id === this.current);
    setText(this.chosen, T.selected(this.selected.size));
  }

  private choose(id: string, wish: boolean): void {
    if (wish) this.selected.add(id);
    else this.selected.delete(id);
    this.mark();
  }

  private selectAll(): void {
    const all = this.rows.map(({ alert }) => alert.alert_id).slice(0, ACTS_MAX);
    const wish = this.selected.size < all.length;
    for (const id of all) this.choose(id, wish);
    for (const box of this.list.querySelectorAll<HTMLInputElement>("input[type=checkbox]")) box.checked = wish;
  }

  private focusRow(id: string): void {
    this.items.get(id)?.element.querySelector<HTMLElement>(".ac-name")?.focus();
  }

  private key(event: KeyboardEvent): void {
    const at = event.target as HTMLElement;
    const isWriting = at instanceof HTMLSelectElement || (at instanceof HTMLInputElement && at.type !== "checkbox");
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    const work = { j: () => this.move(1), k: () => this.move(-1), a: () => void this.act("acknowledge"), r: () => this.how.focus(), x: () => this.flip() }[event.key];
    if (!work) return;
    event.preventDefault();
    work();
  }

  private move(by: 1 | -1): void {
    const shown = byIncident(this.rows).map(({ row }) => row.alert.alert_id).filter((id) => this.items.get(id)?.element.hidden === false);
    const at = shown.indexOf(this.current);
    this.focusRow(shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))] ?? "");
  }

  private flip(): void {
    this.items.get(this.current)?.element.querySelector<HTMLInputElement>("input")?.click();
  }

  private async act(act: Act): Promise<void> {
    const ids = this.selected.size > 0 ? [...this.selected].slice(0, ACTS_MAX) : [this.current].filter((id) => this.items.has(id));
    if (ids.length === 0) return;
    const comment = this.note.value.trim();
    const body = { ...(comment === "" ? {} : { comment }), ...(act === "resolve" ? { how: this.how.value } : {}) };
    const fromHow = document.activeElement === this.how;
    const done = await this.said.of(() => actOnMany(ids, act, body), (answer) => T.acted(T.done[act] ?? act, answer.stored + answer.repeated, answer.refused));
    if (done === null) return;
    const refused = done.items.find((item) => item.result === "refused")?.problem;
    if (refused) this.said.element.append(` ${why(refused)}`);
    this.selected.clear();
    for (const box of this.list.querySelectorAll<HTMLInputElement>("input[type=checkbox]")) box.checked = false;
    this.note.value = "";
    if (fromHow) this.focusRow(this.current);
    await this.load();
  }
}
