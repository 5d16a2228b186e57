/** The form of one command, drawn from what the server says it asks for; its refusals stand beside the field. */

import { type Json, text } from "../calculations/api";
import { h, setHidden, setText } from "../dom";
import { kind, meaning, why } from "../problems";
import { Problem } from "../wire";
import { type Answer, type Field, type Offer, type StoredEvent, type Wish, newId } from "./api";
import { type Around, editorOf } from "./groups";
import { changesOf, told } from "./history";
import { DERIVED, type Editor, Wrong, amountOf } from "./inputs";
import { type Opened, open } from "./load";
import type { Person } from "./people";
import { T, roleName, word } from "./words";

const ASSET_FIELDS = ["asset_no", "loan_no", "asset_ids", "loan_nos"];
const field = (name: string, type: string): Field => ({ name, type, required: false, values: [] });

export class CommandForm {
  readonly element: HTMLFormElement;
  private readonly editors: (readonly [Field, Editor])[] = [];
  private readonly alert = h("div", { class: "desk-refusal", role: "alert", hidden: true });
  private readonly button = h("button", { type: "submit", class: "primary" });
  private readonly validOn = h("input", { type: "date", id: "desk-valid-on" });
  private readonly reason = h("input", { type: "text", id: "desk-reason", autocomplete: "off" });
  private readonly docs = h("input", { type: "text", id: "desk-docs", autocomplete: "off" });
  private readonly role = h("select", { id: "desk-role" });
  private version: number;
  private isSending = false;
  private sent: { text: string; cmd_id: string } | null = null;

  constructor(
    private readonly opened: Opened,
    private readonly offer: Offer,
    private readonly person: Person,
    private readonly done: (answer: Answer) => void,
    close: () => void,
  ) {
    this.version = opened.allowed.version;
    const title = word(offer.command);
    setText(this.button, T.send(title));
    const [first, later] = this.sorted();
    const rules = offer.guards.map(({ guard, text: what }) => h("li", {}, h("code", {}, guard), ` ${meaning(guard, what)}`));
    this.element = h(
      "form",
      { class: "desk-form", "aria-label": title, novalidate: true, "data-command": offer.command },
      h("h4", { tabindex: -1 }, title, offer.next !== null && h("span", { class: "quiet" }, ` ${T.leadsTo(word(offer.next))}`)),
      this.alert,
      ...first.map((one) => this.edit(one)),
      later.length > 0 && h("details", {}, h("summary", {}, T.moreFields), ...later.map((one) => this.edit(one))),
      this.envelope(),
      rules.length > 0 && h("details", {}, h("summary", {}, T.rules), h("ul", { class: "desk-rules" }, ...rules)),
      h("p", { class: "desk-buttons" }, this.button, h("button", { type: "button", class: "plain", onclick: close }, T.cancel)),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
  }

  focus(): void {
    const first = this.element.querySelector<HTMLElement>(":scope > .desk-field :is(input, select, textarea), :scope > fieldset :is(input, select, textarea)");
    (first ?? this.button).focus();
  }

  addDoc(doc_id: string): void {
    this.docs.value = [this.docs.value, doc_id].filter(Boolean).join(", ");
    const details = this.docs.closest("details");
    if (details) details.open = true;
  }

  /** What a person has to say first; what the system can fill in further down. */
  private sorted(): [Field[], Field[]] {
    const { fields } = this.offer;
    const home: Field[] = [];
    if (this.version === 0 && !fields.some(({ name }) => ASSET_FIELDS.includes(name) && name !== "loan_no") && this.opened.place.loan === null) {
      if (!fields.some(({ name }) => name === "entity_id")) home.push({ ...field("entity_id", "id"), required: true }, { ...field("ccy", "code"), value: "CNY" });
    }
    const isFirst = (one: Field): boolean => (one.required && one.value === undefined && !DERIVED.has(one.name)) || (one.name === "alloc" && one.type === "money_by_bucket");
    const all = [...home, ...fields].filter((one) => one.name !== this.keyField());
    return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
  }

  /** A new record's own number is in the address already. */
  private keyField(): string | undefined {
    return this.version === 0 ? this.offer.fields.find(({ name }) => name === "loan_no" && this.opened.place.kind === "RiskAsset")?.name : undefined;
  }

  private edit(one: Field): HTMLElement {
    const { loan, state, place } = this.opened;
    const around: Around = { loan, whole: () => this.typedAmount() ?? (one.type === "records" ? text(state?.["amount"]) || null : null) };
    const about = place.loan ?? "";
    const preset = this.version === 0 && ASSET_FIELDS.includes(one.name) && !DERIVED.has(one.name) ? about : one.name === "entity_id" ? (this.onlyEntity() ?? "") : "";
    const editor = editorOf(one, one.name, around, preset);
    this.editors.push([one, editor]);
    return editor.element;
  }

  private onlyEntity(): string | null {
    const own = this.person.me.entities.filter((entity) => entity !== "*");
    return own.length === 1 ? (own[0] ?? null) : null;
  }

  private typedAmount(): string | null {
    const input = this.element.querySelector<HTMLInputElement>(".desk-field[data-field='amount'] input");
    const value = this.offer.fields.find(({ name }) => name === "amount")?.value;
    return (input && amountOf(input.value)) ?? (typeof value === "string" ? value : null);
  }

  private envelope(): HTMLElement {
    const labelled = (input: HTMLElement, title: string, hint = ""): HTMLElement =>
      h("div", { class: "desk-field" }, h("label", { for: input.id }, title), input, h("span", { class: "quiet" }, hint));
    const mine = this.offer.roles.filter((role) => this.person.me.roles.includes(role));
    this.role.replaceChildren(...mine.map((role) => h("option", { value: role }, roleName(role))));
    return h(
      "details",
      {},
      h("summary", {}, T.envelope),
      labelled(this.reason, T.reason),
      labelled(this.validOn, T.validOn, T.validOnHint),
      labelled(this.docs, T.docs, T.docsHint),
      mine.length > 1 && labelled(this.role, T.role),
    );
  }

  /** Throws Wrong where something typed cannot be sent. */
  private wish(): Omit<Wish, "cmd_id"> {
    const payload: Record<string, Json> = {};
    for (const [{ name }, editor] of this.editors) {
      const value = editor.read();
      if (value !== undefined) payload[name] = value;
    }
    if (this.version > 0) payload["expected_version"] = this.version;
    const { kind, key } = this.opened.place;
    const docs = this.docs.value.split(/[,，\s]+/).filter(Boolean);
    return {
      aggregate: kind,
      key,
      command: this.offer.command,
      payload,
      ...(this.validOn.value && { valid_on: this.validOn.value }),
      ...(this.role.options.length > 1 && { role: this.role.value }),
      ...(this.reason.value && { reason: this.reason.value }),
      ...(docs.length > 0 && { docs }),
    };
  }

  private async send(): Promise<void> {
    if (this.isSending) return;
    for (const [, editor] of this.editors) editor.clear();
    setHidden(this.alert, true);
    try {
      const said = JSON.stringify(this.wish());
      // The same content again is the same command: after a broken line it is stored once.
      if (this.sent?.text !== said) this.sent = { text: said, cmd_id: newId() };
      this.isSending = true; // not a disabled button: it would lose the focus
      this.button.setAttribute("aria-disabled", "true");
      setText(this.button, T.sending);
      this.done(await this.person.api.give(JSON.stringify({ cmd_id: this.sent.cmd_id, ...(JSON.parse(said) as object) })));
    } catch (error) {
      if (error instanceof Wrong) this.at(error.path, error.message);
      else if (error instanceof Problem) await this.refused(error);
      else throw error;
    } finally {
      this.isSending = false;
      this.button.removeAttribute("aria-disabled");
      setText(this.button, T.send(word(this.offer.command)));
    }
  }

  private at(path: string, why: string): boolean {
    return this.editors.some(([, editor]) => editor.fail(path, why));
  }

  private async refused(problem: Problem): Promise<void> {
    const version = problem.facts["version"];
    if (problem.status === 409 && typeof version === "number") return this.overtaken(version);
    const guard = typeof problem.facts["guard"] === "string" ? problem.facts["guard"] : "";
    const where = typeof problem.facts["field"] === "string" ? problem.facts["field"] : "";
    const rule = meaning(guard, this.offer.guards.find((one) => one.guard === guard)?.text);
    const head = problem.status === 0 ? T.unreachable : problem.status === 403 ? T.forbidden : T.refused;
    const detail = why(problem) || kind(problem.message);
    const isShown = where !== "" && this.at(where, detail);
    this.say(
      h("p", {}, h("b", {}, head)),
      guard !== "" && h("p", {}, h("code", {}, guard), ` ${rule}`),
      !isShown && problem.status !== 0 && detail !== rule && h("p", {}, [where && word(where), detail].filter(Boolean).join(": ")),
    );
  }

  /** Somebody was first: what they did, and the choice to decide on the new version. */
  private async overtaken(version: number): Promise<void> {
    const { place } = this.opened;
    const events = await open(this.person.api, place).then(
      (now) => now.events.filter((event) => event.aggregate === place.kind && event.key === place.key),
      (): StoredEvent[] => [],
    );
    const changes = changesOf(events);
    const since = events.filter((event) => event.version > this.version);
    const go = h("button", { type: "button", class: "plain", onclick: () => this.takeOver(version) }, T.takeOver);
    this.say(
      h("p", {}, h("b", {}, T.conflictTitle)),
      h("p", {}, T.conflictAbout(this.version, version)),
      h("p", {}, T.conflictWhat),
      h("ol", { class: "desk-events" }, ...since.map((event) => h("li", {}, ...told(event, changes.get(event.id) ?? [], false)))),
      h("p", {}, go),
    );
    for (const details of this.alert.querySelectorAll("details")) details.open = true;
    go.focus();
  }

  private takeOver(version: number): void {
    this.version = version;
    setHidden(this.alert, true);
    this.button.focus();
  }

  private say(...children: (HTMLElement | false)[]): void {
    this.alert.replaceChildren(...children.filter((child) => child !== false));
    setHidden(this.alert, false);
    this.alert.scrollIntoView({ block: "nearest" });
  }
}
