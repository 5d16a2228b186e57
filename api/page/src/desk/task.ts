/** One task in full: how much, what it does to the position, what happened, and the decision in two taps. */

import { trusted } from "../board/marks";
import { h } from "../dom";
import { grouped } from "../money";
import { said } from "../problems";
import { clock } from "../time";
import { actOn } from "./announcing";
import type { Act, InFull, MakersAct, Task, Told } from "./api";
import { impactOf } from "./bar";
import { Sending, isChanged, wantsProof } from "./sending";
import { T, state, word } from "./words";

const ACTS: readonly Act[] = ["approve", "reject", "delegate"];

export class TaskInFull {
  readonly element = h("article", { class: "wd-task panel", "aria-labelledby": "wd-task-title" });
  private readonly decision = h("div", { class: "wd-decision" });
  private readonly said = h("p", { class: "wd-said", role: "status" });
  private act: Act | null = null;
  private isAsking = false;
  private sending: Sending | null = null;
  private given: Readonly<Record<string, string>> = {};

  /** `onDecided` runs when the server took a decision, or somebody else's made this one stale. */
  constructor(
    readonly answer: InFull,
    private readonly onDecided: () => void,
    private readonly isCurrent: () => boolean,
  ) {
    this.draw();
  }

  /** A decision is half made: the task stays as it was read. */
  get isBusy(): boolean {
    return this.act !== null || this.isAsking;
  }

  /** Whether there is nothing new to read; the cut moves with every entry of the bank. */
  isSameAs({ task, history: told }: InFull): boolean {
    return JSON.stringify([this.answer.task, this.answer.history]) === JSON.stringify([task, told]);
  }

  private get task(): Task {
    return this.answer.task;
  }

  private draw(): void {
    const { task } = this;
    const title = h("h3", { id: "wd-task-title", tabindex: -1 }, `${task.ccy} ${grouped(task.amount)}`);
    const facts: readonly (readonly [string, string])[] = [
      ["customer", task.customer_no],
      ["branch", `${task.entity} ${task.organisation}`],
      ["day", task.value_date],
      ["purpose", T.purposes[task.purpose] ?? word(task.purpose)],
      ["by", task.source === "channel" ? T.channel(task.channel) : (task.requester ?? "–")],
      ["approvals", `${T.ofNeeded(task.approvals.length, task.levels.length)}: ${task.approvals.map(({ actor }) => actor).join(", ") || T.nobody}`],
      ...(/[1-9]/.test(task.executed) ? [["executed", grouped(task.executed)] as const] : []),
    ];
    const list = h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, T.facts[name] ?? name), h("dd", {}, value)]));
    this.element.replaceChildren(
      h("header", {}, title, h("span", { class: "wd-state" }, standing(task)), h("span", { class: "quiet" }, task.reservation_no)),
      h("section", { "aria-labelledby": "wd-impact-title" }, h("h4", { id: "wd-impact-title" }, T.impact, " ", trusted("withdrawals", task.entity, this.answer.offsets)), impactOf(task.impact, task.ccy)),
      this.decision,
      h("div", { class: "wd-beside" }, ...task.may.map((act) => h("button", { type: "button", class: "wd-big", id: `wd-${act}`, onclick: () => this.ask(act) }, T.makers[act]))),
      this.said,
      h("section", {}, list),
      h("section", { "aria-labelledby": "wd-history-title" }, h("h4", { id: "wd-history-title" }, T.history), history(this.answer.history)),
    );
    this.decide();
  }

  /** First what could be done, then one act with its fields and a second tap. */
  decide(): void {
    if (!this.task.mine) {
      this.decision.replaceChildren(this.task.is_open ? h("p", { class: "quiet" }, this.task.delegated_to ? T.delegatedTo(this.task.delegated_to) : T.cannot) : "");
      return;
    }
    if (this.act === null) {
      this.decision.replaceChildren(...ACTS.map((act) => h("button", { type: "button", class: `wd-big ${act === "approve" ? "wd-yes" : ""}`, id: `wd-${act}`, onclick: () => this.choose(act) }, T[act])));
      return;
    }
    const { act, sending } = this;
    const phase = sending?.phase ?? "ready";
    const fields = h("div", { class: "wd-fields" });
    if (act === "delegate") fields.append(field("wd-to", T.to, this.given["to"] ?? ""));
    fields.append(field("wd-comment", act === "approve" ? T.comment : T.why, this.given["comment"] ?? ""));
    if (act === "approve" && wantsProof(sending?.problem ?? null)) fields.append(h("p", { class: "wd-short" }, T.proof), field("wd-code", T.code, ""));
    for (const input of fields.querySelectorAll("input")) input.disabled = phase === "unheard"; // what was sent is sent again
    const yes = h("button", { type: "submit", class: "wd-big wd-yes", id: "wd-confirm" }, phase === "unheard" ? T.again : T.confirm);
    const no = h("button", { type: "button", class: "wd-big", id: "wd-not-yet", onclick: () => this.choose(null) }, T.notYet);
    const form = h("form", { class: "wd-form", onsubmit: (event) => this.submit(event) }, h("h4", { id: "wd-sure", tabindex: -1 }, `${T.sure[act]} ${this.task.ccy} ${grouped(this.task.amount)}`), fields, yes, no);
    this.decision.replaceChildren(form);
  }

  /** What its maker may do with it, in a dialog. */
  private ask(act: MakersAct): void {
    this.isAsking = true;
    this.tell("");
    actOn(
      this.task,
      act,
      () => this.tell(T.makersDone[act]),
      () => {
        this.isAsking = false;
        this.onDecided();
      },
    );
  }

  private choose(act: Act | null): void {
    const before = this.act;
    this.act = act;
    this.sending = null;
    this.given = {};
    this.tell("");
    this.decide();
    document.getElementById(act === null ? `wd-${before ?? "approve"}` : "wd-sure")?.focus();
  }

  private submit(event: Event): void {
    event.preventDefault();
    const { act } = this;
    if (act === null) return;
    const text = (id: string): string => this.decision.querySelector<HTMLInputElement>(`#${id}`)?.value.trim() ?? "";
    const [comment, to, code] = [text("wd-comment"), text("wd-to"), text("wd-code")];
    this.given = { comment, to };
    if (act === "delegate" && to === "") return this.tell(T.sayWhom);
    if (act !== "approve" && comment === "") return this.tell(T.sayWhy);
    if (!this.isCurrent() && this.sending?.phase !== "unheard") return this.tell(T.notSent);
    this.sending ??= new Sending(`/withdrawal-desk/${encodeURIComponent(this.task.reservation_no)}/${act}`, () => this.heard(act));
    const payload = { ...(comment === "" ? {} : { comment }), ...(act === "delegate" ? { to } : {}) };
    void this.sending.send({ seen: this.task.seen, payload, ...(code === "" ? {} : { proof_code: code }) });
  }

  private heard(act: Act): void {
    const { sending } = this;
    if (sending === null) return;
    const { phase, problem } = sending;
    if (phase === "sending") {
      // The form stays as it is: a second tap must find a button, and that button must do nothing.
      for (const one of this.decision.querySelectorAll<HTMLInputElement | HTMLButtonElement>("input, button")) one.disabled = true;
      this.tell(T.sending);
      return;
    }
    if (phase === "unheard") this.tell(`${T.notSent} ${T.againHint}`);
    else if (phase === "done" || isChanged(problem)) {
      this.act = null;
      this.tell(phase === "done" ? (T.done[act] ?? "") : `${problem ? T.refused(said(problem)) : ""} ${T.changed}`, phase !== "done");
      this.onDecided();
    } else if (problem) this.tell(wantsProof(problem) ? "" : T.refused(said(problem)), true);
    this.decide();
    if (wantsProof(problem)) document.getElementById("wd-code")?.focus();
  }

  private tell(text: string, isRefusal = false): void {
    this.said.textContent = text;
    this.said.classList.toggle("wd-refused", isRefusal);
  }

  /** What was said of the last decision goes on to the task as it is now. */
  takeWord(from: TaskInFull): void {
    this.tell(from.said.textContent, from.said.classList.contains("wd-refused"));
  }
}

export function standing(task: Task): string {
  return task.needs === null ? state(task.state) : `${state(task.state)} · ${T.waitsFor(T.levels[task.needs] ?? task.needs)}`;
}

function field(id: string, title: string, value: string): HTMLElement {
  return h("label", { for: id }, h("span", {}, title), h("input", { id, value, autocomplete: "off", maxlength: 500 }));
}

function history(told: readonly Told[]): HTMLElement {
  if (told.length === 0) return h("p", { class: "quiet" }, T.noHistory);
  const rows = [...told].reverse().map((one) => {
    const comment = one.payload["comment"];
    const why = [typeof comment === "string" && comment !== "-" ? comment : "", one.reason].filter(Boolean).join(" · ");
    const to = one.payload["to"];
    return h("li", {}, h("b", {}, T.events[one.type] ?? word(one.type)), typeof to === "string" ? ` → ${to}` : "", h("span", { class: "quiet" }, ` ${one.actor}, ${clock(one.recorded_at, "")} UTC`), why === "" ? null : h("p", {}, why));
  });
  return h("ol", { class: "wd-history" }, ...rows);
}
