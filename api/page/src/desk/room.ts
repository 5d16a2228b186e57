/**
 * The desk of large withdrawals at `#/desk`: on a phone the tasks, then one task; on a desktop both, and the days ahead.
 *
 * A task that is being decided is not drawn anew under the thumb: what was read is what is decided on.
 */

import "../workbench/style.css"; // its fields
import "./style.css";

import { trusted } from "../board/marks";
import type { Chart } from "../charts";
import { h, setHidden, setText } from "../dom";
import { live } from "../live";
import { onLanguage } from "../language";
import { Source } from "../liquidity/source";
import { grouped } from "../money";
import { said } from "../problems";
import { DESK, roomOf } from "../rooms";
import { clock } from "../time";
import { dispatchOf, forecastOf } from "./ahead";
import { announce } from "./announcing";
import type { Dispatch, Forecast, InFull, Task, Tasks } from "./api";
import { askToDecide, askToPropose } from "./dispatching";
import { TaskInFull, standing } from "./task";
import { T, language, speak, wanted } from "./words";

const LOOK_MS = 1_000;

/** The task that an address of this room names. */
export function taskOf(hash: string): string | null {
  if (!hash.startsWith(`${DESK}/`)) return null;
  try {
    return decodeURIComponent(hash.slice(DESK.length + 1)) || null;
  } catch {
    return null; // typed by hand
  }
}

export class DeskRoom {
  private onlyMine = true;
  private currency = "";
  private shownTask: TaskInFull | null = null;
  private task: Source<InFull> | null = null;
  private wantsFocus = false;
  private chart: Chart | null = null;
  private drawnAhead = "";
  private reader = live.me;
  private drawnList = "";

  private readonly tasks = new Source<Tasks>("/withdrawal-desk", 4_000, () => this.draw());
  private readonly forecast = new Source<Forecast>("/withdrawal-desk/forecast", 15_000, () => this.drawAhead());
  private readonly dispatch = new Source<Dispatch>("/withdrawal-desk/dispatch", 10_000, () => this.drawAhead());

  private readonly top = h("div", { class: "wd-top" });
  private readonly banner = h("p", { class: "wd-banner", role: "status", hidden: true });
  private readonly list = h("section", { class: "wd-list", "aria-labelledby": "wd-title" });
  private readonly detail = h("div", { class: "wd-detail" });
  private readonly days = h("section", { class: "panel wd-days", "aria-labelledby": "wd-days-title" });
  private readonly branches = h("section", { class: "panel wd-branches", "aria-labelledby": "wd-branches-title" });
  private readonly announced = h("p", { class: "wd-said", role: "status" });
  private readonly announcer = h("button", { type: "button", class: "wd-big wd-yes", id: "wd-announce", hidden: true, onclick: () => this.announce() });
  private readonly word = h("p", { class: "wd-said", role: "status" });
  private readonly select = h("select", { id: "wd-currency", onchange: () => this.turnCurrency() });

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) !== "desk") return;
      this.wantsFocus = true;
      this.turn();
    });
    addEventListener("focus", () => this.look());
    setInterval(() => this.look(), LOOK_MS);
    onLanguage(() => void speak(wanted()).then(() => this.frame()));
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "desk";
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    const choice = (mine: boolean, title: string): HTMLElement => h("button", { type: "button", class: "wd-choice", "aria-pressed": String(this.onlyMine === mine), onclick: () => this.choose(mine) }, title);
    this.top.replaceChildren(h("h2", { id: "wd-title", tabindex: -1 }, T.title), h("span", { class: "wd-choices", role: "group", "aria-label": T.title }, choice(true, T.mine), choice(false, T.open)), this.announcer);
    setText(this.announcer, T.announce);
    this.box.replaceChildren(this.top, this.banner, this.announced, h("div", { class: "wd-grid" }, this.list, this.detail), h("div", { class: "wd-ahead" }, this.days, this.branches));
    [this.drawnAhead, this.drawnList, this.shownTask] = ["", "", null];
    this.turn();
    this.draw();
    this.drawAhead();
  }

  private choose(mine: boolean): void {
    this.onlyMine = mine;
    for (const [at, button] of [...this.top.querySelectorAll(".wd-choice")].entries()) button.setAttribute("aria-pressed", String((at === 0) === mine));
    this.draw();
  }

  /** Another address: another task, or none. */
  private turn(): void {
    const number = taskOf(location.hash);
    this.box.toggleAttribute("data-task", number !== null);
    this.shownTask = null;
    this.detail.replaceChildren();
    this.task = number === null ? null : new Source<InFull>(`/withdrawal-desk/${encodeURIComponent(number)}`, 4_000, () => this.drawTask());
    if (number === null && this.wantsFocus) {
      this.wantsFocus = false;
      this.top.querySelector("h2")?.focus();
    }
    this.drawnList = "";
    this.draw();
    this.look();
  }

  private look(): void {
    if (!this.isSeen) return;
    const now_ms = Date.now();
    for (const source of [this.tasks, this.forecast, this.dispatch]) void source.look(now_ms);
    void this.task?.look(now_ms);
    if (this.reader !== live.me) {
      this.reader = live.me; // told after the room was opened: what may be proposed depends on it
      this.drawAhead();
    }
    const failure = this.tasks.failure;
    const isStale = this.tasks.isStale(now_ms);
    setText(this.banner, isStale ? `⚠ ${T.stale(clock(this.tasks.current_ms))}` : failure && this.tasks.value === null ? T.failed(said(failure)) : "");
    setHidden(this.banner, this.banner.textContent === "");
  }

  private draw(): void {
    const all = this.tasks.value;
    if (all === null) {
      if (this.list.childElementCount === 0) this.list.replaceChildren(h("p", { class: "spinner", role: "status" }, T.loading));
      return;
    }
    setHidden(this.announcer, !all.may_announce);
    const rows = all.rows.filter(({ mine }) => mine || !this.onlyMine);
    const chosen = taskOf(location.hash);
    const signature = JSON.stringify([T.title, rows, chosen]);
    if (signature === this.drawnList) return;
    this.drawnList = signature;
    const focused = this.list.contains(document.activeElement) ? document.activeElement?.id : undefined;
    const days = [...new Set(rows.map(({ value_date }) => value_date))];
    this.list.replaceChildren(
      ...(rows.length === 0 ? [h("p", { class: "empty" }, this.onlyMine ? T.noneMine : T.noneOpen)] : []),
      ...days.flatMap((day) => [h("h3", {}, day), h("ul", {}, ...rows.filter(({ value_date }) => value_date === day).map((row) => card(row, row.reservation_no === chosen)))]),
      h("p", { class: "quiet" }, T.shown(rows.length, all.total)),
    );
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  private drawTask(): void {
    const { task } = this;
    if (task === null) return;
    if (task.value === null) {
      if (task.failure) this.detail.replaceChildren(back(), h("p", { class: "empty", role: "status" }, task.failure.status === 404 ? T.gone : T.failed(said(task.failure))));
      return;
    }
    const before = this.shownTask;
    if (before?.isBusy || (before && before.isSameAs(task.value))) return;
    const shown = new TaskInFull(
      task.value,
      () => this.again(),
      () => !task.isStale(Date.now()),
    );
    if (before) shown.takeWord(before);
    this.shownTask = shown;
    const focused = this.detail.contains(document.activeElement) ? document.activeElement?.id : undefined;
    this.detail.replaceChildren(back(), shown.element);
    if (focused) (document.getElementById(focused) ?? document.getElementById("wd-task-title"))?.focus({ preventScroll: true });
    if (this.wantsFocus) {
      this.wantsFocus = false;
      document.getElementById("wd-task-title")?.focus();
    }
  }

  /** Something was decided, here or elsewhere: all of it is asked for anew. */
  private again(): void {
    for (const source of [this.tasks, this.forecast, this.dispatch]) source.soon();
    this.task?.soon();
    this.look();
  }

  private drawAhead(): void {
    const [forecast, dispatch] = [this.forecast.value, this.dispatch.value];
    const currencies = [...new Set((forecast?.days ?? []).map(({ ccy }) => ccy))];
    if (!currencies.includes(this.currency)) this.currency = currencies.includes("CNY") ? "CNY" : (currencies[0] ?? "");
    const signature = JSON.stringify([T.title, live.me?.actor, this.currency, forecast?.days, forecast?.hit_rates, dispatch?.lacking, dispatch?.proposals]);
    if (signature === this.drawnAhead) return;
    this.drawnAhead = signature;
    this.chart?.dispose();
    this.select.replaceChildren(...currencies.map((name) => h("option", { value: name }, name)));
    this.select.value = this.currency;
    const choose = h("label", { for: "wd-currency" }, h("span", { class: "quiet" }, `${T.currency} `), this.select);
    const drawn = forecast === null ? { nodes: [h("p", { class: "empty" }, T.loading)], chart: null } : forecastOf(forecast, this.currency);
    this.days.replaceChildren(h("header", {}, h("h3", { id: "wd-days-title" }, T.forecast), ...(currencies.length > 0 ? [choose] : [])), h("div", { class: "wd-body" }, ...drawn.nodes));
    this.chart = drawn.chart;
    this.chart?.draw();
    const nodes = dispatch === null ? [h("p", { class: "empty" }, T.loading)] : dispatchOf(dispatch, live.me ?? { actor: "", roles: [] }, (one) => askToPropose(one, (told) => this.told(told)), (one, act) => askToDecide(one, act, (told) => this.told(told)));
    const focused = this.branches.contains(document.activeElement) ? document.activeElement?.id : undefined;
    this.branches.replaceChildren(h("header", {}, h("h3", { id: "wd-branches-title" }, T.dispatch)), h("div", { class: "wd-body" }, ...nodes), this.word);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  private turnCurrency(): void {
    this.currency = this.select.value;
    this.drawAhead();
    this.select.focus();
  }

  private announce(): void {
    if (this.tasks.value === null) return;
    announce(this.tasks.value, this.currency, (told, number) => {
      setText(this.announced, told);
      location.hash = `${DESK}/${encodeURIComponent(number)}`;
      this.again();
    });
  }

  /** Of money between branches. */
  private told(text: string): void {
    setText(this.word, text);
    this.again();
  }
}

const back = (): HTMLElement => h("a", { class: "wd-back", href: DESK }, `← ${T.back}`);

function card(task: Task, isChosen: boolean): HTMLElement {
  const isShort = task.impact.shortfall !== null && /[1-9]/.test(task.impact.shortfall);
  const link = h(
    "a",
    { href: `${DESK}/${encodeURIComponent(task.reservation_no)}`, id: `wd-card-${task.reservation_no}`, class: "wd-card", "aria-current": isChosen ? "true" : undefined },
    h("b", {}, `${task.ccy} ${grouped(task.amount)}`),
    h("span", {}, `${task.entity} ${task.organisation} · ${task.customer_no} `, trusted("withdrawals", task.entity)),
    h("span", { class: "quiet" }, `${standing(task)}${task.source === "channel" ? ` · ${T.fromChannel(task.channel)}` : ""}`),
    isShort ? h("span", { class: "wd-short" }, `▲ ${T.short(`${task.ccy} ${grouped(task.impact.shortfall ?? "")}`)}`) : null,
  );
  return h("li", {}, link);
}
