/**
 * A dialog that asks once more before a command is sent, with the fields that the command wants.
 *
 * An intention has one key: what was sent and not heard of stays as it was, also when its dialog is closed and opened
 * again, and is sent again word for word. So a lost answer never makes two of anything.
 */

import { h, setText } from "../dom";
import type { Problem } from "../wire";
import { said } from "../problems";
import { type SimpleInput, Wrong } from "../workbench/inputs";
import { Sending, isChanged } from "./sending";
import { T } from "./words";

export interface Asked {
  /** What is meant, as a name: `approve DP-1`. The same name again is the same intention. */
  readonly intention: string;
  readonly title: string;
  readonly about?: readonly Node[];
  readonly fields?: readonly SimpleInput[];
  readonly yes: string;
  readonly path: string;
  /** What is sent beside the key. Throws Wrong. */
  readonly body: () => object;
  readonly done: (answer: unknown) => void;
}

/** On their way or unheard, by intention, with what stood in the fields. */
const held = new Map<string, { readonly sending: Sending; readonly given: readonly string[] }>();

export class Asking {
  private readonly sending: Sending;
  private readonly told = h("p", { class: "wd-said", role: "status" });
  private readonly yes: HTMLButtonElement;
  private readonly form: HTMLFormElement;
  private readonly dialog: HTMLDialogElement;

  constructor(
    private readonly asked: Asked,
    private readonly onClosed: () => void = () => undefined,
  ) {
    const before = held.get(asked.intention);
    this.sending = before?.sending ?? new Sending(asked.path);
    for (const [at, { control }] of (asked.fields ?? []).entries()) control.value = before?.given[at] ?? control.value;
    this.yes = h("button", { type: "submit", class: "wd-big wd-yes" }, asked.yes);
    const no = h("button", { type: "button", class: "wd-big", onclick: () => this.dialog.close() }, T.notYet);
    this.form = h("form", { class: "wd-form desk-form", novalidate: true, onsubmit: (event) => this.submit(event) }, ...(asked.about ?? []), h("div", { class: "wd-fields" }, ...(asked.fields ?? []).map(({ element }) => element)), this.told, this.yes, no);
    this.dialog = h("dialog", { class: "wd-asking", "aria-labelledby": "wd-asking-title" }, h("header", {}, h("h2", { id: "wd-asking-title" }, asked.title)), this.form);
    this.dialog.addEventListener("close", () => {
      this.sending.onNews = () => this.keep();
      this.dialog.remove();
      this.onClosed();
    });
  }

  open(): void {
    document.body.append(this.dialog);
    this.sending.onNews = () => this.heard();
    this.dialog.showModal();
    this.heard();
    (this.form.querySelector<HTMLElement>(".wd-fields :is(input, select):not([disabled])") ?? this.yes).focus();
  }

  private submit(event: Event): void {
    event.preventDefault();
    for (const field of this.asked.fields ?? []) field.clear();
    this.tell("");
    try {
      // What was sent first is sent again, whatever the fields say by then.
      void this.sending.send(this.sending.phase === "unheard" ? {} : this.asked.body());
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      if (!this.at(error.path, error.message)) this.tell(error.message, true);
    }
  }

  private heard(): void {
    const { phase, problem } = this.sending;
    const isStuck = phase === "sending" || phase === "unheard";
    for (const one of this.form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) one.disabled = isStuck;
    this.keep();
    this.yes.disabled = phase === "sending";
    setText(this.yes, phase === "unheard" ? T.again : this.asked.yes);
    if (phase === "sending") this.tell(T.sending);
    else if (phase === "unheard") this.tell(`${T.notSent} ${T.againHint}`, true);
    else if (phase === "refused" && problem) this.refuse(problem);
    else if (phase === "done") {
      this.asked.done(this.sending.answer);
      this.dialog.close();
    }
  }

  /** Only what is on its way or unheard of is the same intention tomorrow; a refusal ended it. */
  private keep(): void {
    const { phase } = this.sending;
    if (phase === "sending" || phase === "unheard") held.set(this.asked.intention, { sending: this.sending, given: (this.asked.fields ?? []).map(({ control }) => control.value) });
    else held.delete(this.asked.intention);
  }

  private refuse(problem: Problem): void {
    const field = problem.facts["field"];
    const why = said(problem);
    if (typeof field === "string" && this.at(field.replace(/^payload\./, ""), why)) return this.tell("");
    this.tell([T.refused(why), isChanged(problem) ? T.changed : ""].filter(Boolean).join(" "), true);
  }

  /** Beside the field, which takes the focus; false: there is no such field here. */
  private at(path: string, why: string): boolean {
    return (this.asked.fields ?? []).some((field) => field.fail(path, why));
  }

  private tell(text: string, isRefusal = false): void {
    setText(this.told, text);
    this.told.classList.toggle("wd-refused", isRefusal);
  }
}
