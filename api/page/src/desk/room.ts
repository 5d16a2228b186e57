/**
 * The desk of large withdrawals at `#/desk`: on a phone the tasks, then one task; on a desktop both, and the days ahead.
 *
 * A task that is being decided is not drawn anew under the thumb: what was read is what is decided on.
 */

import "./style.css";

import type { Chart } from "../charts";
import { h, setHidden, setText } from "../dom";
import { live } from "../live";
import { Source } from "../liquidity/source";
import { grouped } from "../money";
import { DESK, roomOf } from "../rooms";
import { clock } from "../time";
import { Problem, post } from "../wire";
import { newId } from "../workbench/api";
import { dispatchOf, forecastOf } from "./ahead";
import type { Dispatch, Forecast, InFull, Lacking, Proposal, Task, Tasks } from "./api";
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
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "desk";
  }

  private async begin(): Promise<void> {
    this.box.replaceChildren(h("p", { class: "spinner", role: "status" }, T.loading));
    await speak(wanted());
    this.frame();
  }

  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    const choice = (mine: boolean, title: string): HTMLElement => h("button", { type: "button", class: "wd-choice", "aria-pressed": String(this.onlyMine === mine), onclick: () => this.choose(mine) }, title);
    const other = h("button", { type: "button", class: "plain", lang: language === "zh" ? "en" : "zh-Hans", id: "wd-language", onclick: () => void this.translate() }, T.language);
    this.top.replaceChildren(h("h2", { id: "wd-title", tabindex: -1 }, T.title), h("span", { class: "wd-choices", role: "group", "aria-label": T.title }, choice(true, T.mine), choice(false, T.open)), other);
    this.box.replaceChildren(this.top, this.banner, h("div", { class: "wd-grid" }, this.list, this.detail), h("div", { class: "wd-ahead" }, this.days, this.branches));
    [this.drawnAhead, this.drawnList, this.shownTask] = ["", "", null];
    this.turn();
    this.draw();
    this.drawAhead();
  }

  private async translate(): Promise<void> {
    await speak(language === "zh" ? "en" : "zh", true);
    this.frame();
    document.getElementById("wd-language")?.focus();
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
    const failure = this.tasks.failure;
    const isStale = this.tasks.isStale(now_ms);
    setText(this.banner, isStale ? `⚠ ${T.stale(clock(this.tasks.current_ms))}` : failure && this.tasks.value === null ? T.failed([failure.message, failure.detail].filter(Boolean).join(". ")) : "");
    setHidden(this.banner, this.banner.textContent === "");
  }

  private draw(): void {
    const all = this.tasks.value;
    if (all === null) {
      if (this.list.childElementCount === 0) this.list.replaceChildren(h("p", { class: "spinner", role: "status" }, T.loading));
      return;
    }
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
      if (task.failure) this.detail.replaceChildren(back(), h("p", { class: "empty", role: "status" }, task.failure.status === 404 ? T.gone : T.failed(task.failure.detail || task.failure.message)));
      return;
    }
    const before = this.shownTask;
    if (before?.isBusy || (before && JSON.stringify(before.answer) === JSON.stringify(task.value))) return;
    const shown = new TaskInFull(
      task.value,
      () => this.again(),
      () => !task.isStale(Date.now()),
    );
    if (before) shown.takeWord(before);
    this.shownTask = shown;
    this.detail.replaceChildren(back(), shown.element);
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
    const signature = JSON.stringify([T.title, this.currency, forecast?.days, forecast?.hit_rates, dispatch?.lacking, dispatch?.proposals]);
    if (signature === this.drawnAhead) return;
    this.drawnAhead = signature;
    this.chart?.dispose();
    this.select.replaceChildren(...currencies.map((name) => h("option", { value: name }, name)));
    this.select.value = this.currency;
    const choose = h("label", { for: "wd-currency" }, h("span", { class: "quiet" }, `${T.currency} `), this.select);
    const drawn = forecast === null ? { nodes: [h("p", { class: "empty" }, T.loading)], chart: null } : forecastOf(forecast, this.currency);
    this.days.replaceChildren(h("header", {}, h("h3", { id: "wd-days-title" }, T.forecast), choose), h("div", { class: "wd-body" }, ...drawn.nodes));
    this.chart = drawn.chart;
    this.chart?.draw();
    const nodes = dispatch === null ? [h("p", { class: "empty" }, T.loading)] : dispatchOf(dispatch, live.me ?? { actor: "", roles: [] }, (one) => void this.propose(one), (one, act) => void this.decide(one, act));
    this.branches.replaceChildren(h("header", {}, h("h3", { id: "wd-branches-title" }, T.dispatch)), h("div", { class: "wd-body" }, ...nodes), this.word);
  }

  private turnCurrency(): void {
    this.currency = this.select.value;
    this.drawAhead();
    this.select.focus();
  }

  private async propose(one: Lacking): Promise<void> {
    await this.ask(async () => {
      const { proposal } = await post<{ proposal: Proposal }>("/withdrawal-desk/dispatch", JSON.stringify({ cmd_id: newId(), entity: one.entity, ccy: one.ccy }));
      return T.proposed(proposal.proposal_no);
    });
  }

  private async decide(one: Proposal, act: "approve" | "reject"): Promise<void> {
    if (!confirm(`${T[act]}: ${one.proposal_no}, ${one.ccy} ${grouped(one.moved)}?`)) return;
    await this.ask(async () => {
      const payload = act === "approve" ? { seen_revision: one.revision } : {};
      await post(`/withdrawal-desk/dispatch/${encodeURIComponent(one.proposal_no)}/${act}`, JSON.stringify({ cmd_id: newId(), payload }));
      return T.done[act] ?? "";
    });
  }

  private async ask(work: () => Promise<string>): Promise<void> {
    try {
      setText(this.word, await work());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setText(this.word, T.refused([error.message, error.detail].filter(Boolean).join(". ")));
    }
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
    h("span", {}, `${task.entity} ${task.organisation} · ${task.customer_no}`),
    h("span", { class: "quiet" }, `${standing(task)}${task.source === "channel" ? ` · ${T.fromChannel(task.channel)}` : ""}`),
    isShort ? h("span", { class: "wd-short" }, `▲ ${T.short(`${task.ccy} ${grouped(task.impact.shortfall ?? "")}`)}`) : null,
  );
  return h("li", {}, link);
}
