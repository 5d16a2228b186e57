/**
 * The workbench: loans on the left, one record in the middle, its history at the side. What others do meanwhile is seen by
 * asking again every few seconds; a form that is being filled in stays as it is until its reader wants the news.
 */

import "./style.css";

import { text } from "../calculations/api";
import { h, setHidden } from "../dom";
import { onLanguage } from "../language";
import { said } from "../problems";
import { WORKBENCH, roomOf } from "../rooms";
import { addressOf, placeOf } from "./address";
import type { Answer, Api, State } from "./api";
import { askForNew } from "./begin";
import { CaseView } from "./case";
import { HistoryPane } from "./history";
import { LoanList } from "./list";
import { LOAN, type Opened, markKnown, markOf, open } from "./load";
import { PapersPane } from "./papers";
import { People } from "./people";
import { T, language, speak, wanted, word } from "./words";
import { waiting } from "./worklists";

const RECORD_MS = 4_000;
const LIST_MS = 15_000;
type Pane = "list" | "case" | "history";

export class WorkbenchRoom {
  private readonly people = new People(() => void this.enter());
  private readonly list = new LoanList(() => askForNew(null, this.numbers));
  private readonly history = new HistoryPane();
  private readonly papers = new PapersPane((paper) => this.view?.addDoc(paper.doc_id), () => void this.show(false));
  private readonly middle = h("div", { class: "desk-middle" });
  private readonly top = h("div", { class: "desk-top" });
  private readonly news = h("p", { class: "desk-news", role: "status", hidden: true });
  private readonly desk = h("div", { class: "desk", "data-pane": "list" });
  private view: CaseView | null = null;
  private numbers: string[] = [];
  private loans: readonly State[] = [];
  private stand: { api: Api; position: number } | null = null; // whose list it is, and as of where in the log
  private visit = 0;
  private said = "";
  private seen = ""; // how the record and what is around it stood at the last look

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) === "workbench") void this.show(true);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "/" || (event.target as Element).matches("input, select, textarea")) return;
      event.preventDefault();
      this.turnTo("list");
      this.list.begin();
    });
    setInterval(() => void this.lookAgain(), RECORD_MS);
    addEventListener("focus", () => void this.lookAgain()); // back from another window
    setInterval(() => {
      if (this.isSeen) void this.fillList().catch(() => undefined); // the next look tells
    }, LIST_MS);
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "workbench";
  }

  private async begin(): Promise<void> {
    try {
      await Promise.all([speak(wanted()), this.people.add(null)]);
      this.draw();
      await this.enter();
    } catch (error) {
      this.box.replaceChildren(failure(error, () => void this.begin()));
    }
  }

  /** Everything around the record, in the present language. */
  private draw(): void {
    const panes = (["list", "case", "history"] as const).map((pane) =>
      h("button", { type: "button", "data-pane": pane, "aria-pressed": String(this.desk.dataset["pane"] === pane), onclick: () => this.turnTo(pane) }, T.panes[pane]),
    );
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    this.top.replaceChildren(h("h2", { tabindex: -1 }, T.title), this.people.element, h("div", { class: "switch desk-panes", role: "group", "aria-label": T.title }, ...panes));
    this.people.draw();
    this.list.draw();
    this.history.draw();
    this.desk.replaceChildren(this.list.element, h("div", { class: "desk-centre" }, this.news, this.middle), h("div", { class: "desk-side" }, this.history.element, this.papers.element));
    this.box.replaceChildren(this.top, this.desk);
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.draw();
    await this.show(false);
  }

  /** As another person, or for the first time. */
  private async enter(): Promise<void> {
    await Promise.all([this.fillList().catch((error: unknown) => this.middle.replaceChildren(failure(error, () => void this.enter()))), this.show(false)]);
  }

  private turnTo(pane: Pane): void {
    this.desk.dataset["pane"] = pane;
    for (const button of this.top.querySelectorAll(".desk-panes button")) button.setAttribute("aria-pressed", String(button.getAttribute("data-pane") === pane));
  }

  private async fillList(): Promise<void> {
    const { api } = this.people.current;
    const waits = await waiting(api);
    const stand = waits.position === null ? null : { api, position: waits.position };
    const isNews = stand === null || stand.api !== this.stand?.api || stand.position !== this.stand.position;
    // Days pass without an event, so what waits is always shown anew.
    const loans = isNews ? await api.loans() : this.loans;
    if (api !== this.people.current.api) return; // somebody else acts by now
    [this.stand, this.loans] = [stand, loans];
    this.numbers = loans.map((loan) => text(loan["loan_no"]));
    this.list.show(loans, waits);
  }

  /** @param moved whether the reader came from another record, whose focus is gone */
  private async show(moved: boolean): Promise<void> {
    this.visit += 1;
    const { visit } = this;
    const place = placeOf(location.hash);
    setHidden(this.news, true);
    if (place === null) {
      this.view = null;
      this.middle.replaceChildren(h("p", { class: "empty" }, T.choose));
      this.history.show([], "", "");
      void this.papers.show(null, this.people.current.api);
      this.list.choose("");
      if (moved) this.turnTo("list");
      return;
    }
    try {
      const opened = await open(this.people.current.api, place);
      if (visit !== this.visit) return; // the reader has gone on
      this.put(opened);
      if (moved) this.turnTo("case");
      else if (this.desk.dataset["pane"] === "list") this.turnTo("case");
      if (moved) this.view?.focus();
    } catch (error) {
      if (visit !== this.visit) return;
      this.view = null;
      this.middle.replaceChildren(failure(error, () => void this.show(moved)));
    }
  }

  private put(opened: Opened): void {
    const { kind, key } = opened.place;
    const taken = [...this.numbers, ...opened.around.map((one) => one.key)];
    this.view = new CaseView(opened, this.people.current, (answer) => void this.acted(answer), (loan) => askForNew(loan, taken), () => this.people.ask(), () => this.papers.freshOf(opened.place));
    this.seen = markKnown(opened);
    this.view.say(this.said);
    this.said = "";
    this.middle.replaceChildren(this.view.element);
    this.history.show(opened.events, kind, key);
    void this.papers.show(opened, this.people.current.api);
    this.list.choose(kind === LOAN ? key : text(opened.loan?.["loan_no"]));
  }

  private async acted(answer: Answer): Promise<void> {
    this.said = answer.repeated || answer.events.length === 0 ? T.storedBefore : T.stored(answer.events.map((event) => word(event.type)).join(T.between));
    const place = placeOf(location.hash);
    if (place !== null) this.papers.forget(place);
    // A new record has its own address from now on; the loan that it was begun for stands in it.
    if (place !== null && place.loan !== null) history.replaceState(null, "", addressOf(place.kind, place.key));
    await Promise.all([this.show(false), this.fillList().catch(() => undefined)]);
    this.view?.focus();
  }

  /** Whether the record, its loan or a case around it changed; a form that is open keeps what was typed. */
  private async lookAgain(): Promise<void> {
    const { view } = this;
    if (view === null || !this.isSeen) return;
    const { visit } = this;
    const { api } = this.people.current;
    const mark = await markOf(api, view.opened).catch(() => null); // the next look tells
    if (mark === null || mark === this.seen || visit !== this.visit) return;
    const now = await open(api, view.opened.place).catch(() => null);
    if (now === null || visit !== this.visit || view !== this.view) return;
    this.seen = markKnown(now);
    const known = view.opened.events.at(-1)?.position ?? 0;
    const fresh = now.events.filter((event) => event.position > known);
    if (fresh.length === 0) return;
    if (!view.isBusy) {
      const active = document.activeElement;
      const command = this.middle.contains(active) ? active?.getAttribute("data-command") : null;
      this.put(now);
      if (command) this.middle.querySelector<HTMLElement>(`[data-command="${command}"]`)?.focus();
      return;
    }
    const who = fresh.map((event) => `${event.actor} ${word(event.type)}`).join(T.between);
    this.news.replaceChildren(`${T.changedMeanwhile(who)} `, h("button", { type: "button", class: "plain", onclick: () => void this.show(false) }, T.reload));
    setHidden(this.news, false);
    this.history.show(now.events, now.place.kind, now.place.key);
  }
}

function failure(error: unknown, again: () => void): HTMLElement {
  const why = said(error);
  return h("div", { class: "panel failure", role: "alert" }, h("p", {}, T.failed(why)), h("p", {}, h("button", { type: "button", class: "plain", onclick: again }, T.again), " ", h("a", { href: WORKBENCH }, T.title)));
}

