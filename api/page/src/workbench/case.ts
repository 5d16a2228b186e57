/** The middle of the workbench: what a record says, how far it is, what may be done with it, and the cases around it. */

import { text } from "../calculations/api";
import { trusted } from "../board/marks";
import { h, setHidden, setText } from "../dom";
import { grouped } from "../money";
import { addressOf } from "./address";
import type { Answer, AssetView, Offer, State } from "./api";
import { claimPanel } from "./claim";
import { CommandForm } from "./form";
import { shownValue } from "./history";
import { LOAN, type Opened, amountOfCase } from "./load";
import type { Person } from "./people";
import { tracker } from "./stages";
import { T, roleName, word } from "./words";
import { meaning } from "../problems";

/** Said elsewhere on the page, or for machines. */
const HIDDEN = new Set([
  "entity", "version", "state", "snapshot_hash", "lifecycle", "classification", "hold", "memo", "costs", "principal", "interest_on", "interest_off",
  "penalty", "compound", "rec_cash", "rec_kind", "waived",
]);
const PARTS = ["makers", "reviewers", "approvers", "taggers", "confirmers", "posting_makers", "posting_checkers"];

export class CaseView {
  readonly element: HTMLElement;
  private readonly place: HTMLElement = h("div", {});
  private readonly said = h("p", { class: "desk-said", role: "status", hidden: true });
  private form: CommandForm | null = null;

  constructor(
    readonly opened: Opened,
    private readonly person: Person,
    private readonly acted: (answer: Answer) => void,
    private readonly begin: (loan: string) => void,
    private readonly addPerson: () => void,
    private readonly freshDocs: () => readonly string[],
  ) {
    const { state, loan, place } = opened;
    this.element = h(
      "div",
      { class: "desk-case", "data-kind": place.kind, "data-version": opened.allowed.version },
      this.head(),
      this.said,
      state !== null && place.kind !== LOAN && brief(state),
      state !== null && tracker(opened),
      this.actions(),
      state !== null && place.kind !== LOAN && this.facts(state),
      loan !== null && claimPanel(loan, opened.view),
      loan !== null && this.aroundPanel(loan),
      opened.view !== null && opened.view.deadlines.length > 0 && deadlines(opened.view),
      state !== null && place.kind === LOAN && this.facts(state),
    );
  }

  /** Whether something is being typed that a reload would throw away. */
  get isBusy(): boolean {
    return this.form !== null;
  }

  /** A document that was just stored, for what is decided next. */
  addDoc(doc_id: string): void {
    this.form?.addDoc(doc_id);
  }

  say(what: string): void {
    setText(this.said, what);
    setHidden(this.said, what === "");
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("h3")?.focus();
  }

  private head(): HTMLElement {
    const { state, place, allowed, loan } = this.opened;
    const hold = loan?.["hold"] as State | null | undefined;
    const badge = (code: string): HTMLElement | false => code !== "" && h("span", { class: "desk-badge", "data-code": code }, word(code));
    const held = hold ? T.heldBy(word(text(hold["kind"])), text(hold["case_no"])) : "";
    return h(
      "header",
      { class: "desk-head" },
      h("h3", { tabindex: -1 }, `${word(place.kind)} ${place.key}`),
      ...(state === null ? [] : [badge(text(state["state"]) || text(state["lifecycle"])), badge(text(state["classification"]))]),
      h("span", { class: "quiet" }, state === null ? T.unknown(word(place.kind), place.key) : [text(state["entity"]), text(state["branch"]), T.version(allowed.version)].filter(Boolean).join(" · ")),
      state !== null && trusted("ledgers", text(state["entity"])),
      place.kind !== LOAN && loan !== null && h("a", { href: addressOf(LOAN, text(loan["loan_no"])) }, `${word(LOAN)} ${text(loan["loan_no"])}`),
      held !== "" && h("span", { class: "desk-held" }, held),
    );
  }

  private actions(): HTMLElement {
    const { commands, others } = this.opened.allowed;
    const [open, shut] = [commands.filter((offer) => offer.refused === null), commands.filter((offer) => offer.refused !== null)];
    const button = (offer: Offer): HTMLElement =>
      h(
        "li",
        {},
        h("button", { type: "button", class: "desk-do", "data-command": offer.command, onclick: () => this.fill(offer) }, word(offer.command)),
        offer.next !== null && h("span", { class: "quiet" }, T.leadsTo(word(offer.next))),
      );
    const why = (offer: Offer): HTMLElement => {
      const { guard, text: what } = offer.refused ?? { guard: "", text: "" };
      const id = `desk-why-${offer.event}`;
      return h(
        "li",
        {},
        h("button", { type: "button", class: "desk-do", disabled: true, "data-command": offer.command, "aria-describedby": id }, word(offer.command)),
        h("span", { class: "desk-why", id }, h("code", {}, guard), ` ${meaning(guard, what)}`),
      );
    };
    const waits = others.map(({ command, roles }) =>
      h("li", {}, h("span", {}, word(command)), " ", h("span", { class: "quiet" }, T.waitsFor(roles.map(roleName).join(T.or)))),
    );
    const isReader = commands.length === 0 && others.length > 0;
    return h(
      "section",
      { class: "panel desk-actions", "aria-labelledby": "desk-actions-title" },
      h("header", {}, h("h3", { id: "desk-actions-title" }, T.actions)),
      open.length > 0 && h("ul", { class: "desk-offers" }, ...open.map(button)),
      open.length === 0 && h("p", { class: "empty" }, isReader ? T.readOnly(this.person.me.roles.map(roleName).join(T.between) || T.noRole) : T.noActions),
      isReader && h("p", { class: "desk-buttons" }, h("button", { type: "button", class: "plain", onclick: this.addPerson }, T.addPerson)),
      this.place,
      shut.length > 0 && h("div", { class: "desk-shut" }, h("h4", {}, T.notNow), h("ul", { class: "desk-offers" }, ...shut.map(why))),
      waits.length > 0 && h("details", { class: "desk-others" }, h("summary", {}, `${T.otherRoles} (${waits.length})`), h("ul", {}, ...waits)),
    );
  }

  private fill(offer: Offer): void {
    const close = (): void => {
      this.form = null;
      this.place.replaceChildren();
      this.element.querySelector<HTMLElement>(`.desk-do[data-command="${offer.command}"]`)?.focus();
    };
    this.form = new CommandForm(this.opened, offer, this.person, this.acted, close);
    for (const doc_id of this.freshDocs()) this.form.addDoc(doc_id);
    this.place.replaceChildren(this.form.element);
    this.form.focus();
  }

  private facts(state: State): HTMLElement {
    const shown = Object.entries(state).filter(([name, value]) => !HIDDEN.has(name) && shownValue(value) !== "–");
    return h(
      "section",
      { class: "panel desk-facts", "aria-labelledby": "desk-facts-title" },
      h("header", {}, h("h3", { id: "desk-facts-title" }, T.facts)),
      h("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [h("dt", {}, word(name)), h("dd", { "data-fact": name }, shownValue(value))])),
    );
  }

  private aroundPanel(loan: State): HTMLElement {
    const loan_no = text(loan["loan_no"]);
    const { around, place } = this.opened;
    const items = around.map((one) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: addressOf(one.kind, one.key), "aria-current": one.kind === place.kind && one.key === place.key ? "true" : undefined },
          h("b", {}, word(one.kind)),
          h("span", {}, one.key),
          h("span", { class: "desk-badge", "data-code": one.stage }, word(one.stage)),
          one.amount !== "" && h("span", { class: "number" }, `${one.ccy} ${grouped(one.amount)}`),
        ),
      ),
    );
    return h(
      "section",
      { class: "panel desk-around", "aria-labelledby": "desk-around-title" },
      h("header", {}, h("h3", { id: "desk-around-title" }, T.around)),
      items.length > 0 ? h("ul", {}, ...items) : h("p", { class: "empty" }, T.noCases),
      h("p", { class: "desk-buttons" }, h("button", { type: "button", class: "plain", id: "desk-begin", onclick: () => this.begin(loan_no) }, T.startCase)),
    );
  }
}

function deadlines(view: AssetView): HTMLElement {
  const items = view.deadlines.map(({ key, rule_code, act_by, days_left, colour }) =>
    h("li", {}, h("b", {}, rule_code), ` ${key} `, h("span", { class: "quiet" }, T.actBy(act_by)), " ", h("span", { class: "desk-due", "data-colour": colour }, T.due(days_left))),
  );
  return h(
    "section",
    { class: "panel", "aria-labelledby": "desk-deadlines-title" },
    h("header", {}, h("h3", { id: "desk-deadlines-title" }, T.deadlines)),
    h("ul", { class: "desk-offers" }, ...items),
  );
}

/** What somebody who decides has to know first: how much it is, and who did what so far. */
function brief(state: State): HTMLElement {
  const amount = amountOfCase(state);
  const played = Object.entries(state).filter(([name, value]) => PARTS.includes(name) && Array.isArray(value));
  return h(
    "p",
    { class: "desk-brief" },
    amount !== "" && h("b", {}, `${text(state["ccy"])} ${grouped(amount)}`),
    ...played.map(([name, value]) => h("span", { class: "quiet" }, `${word(name)}: ${shownValue(value)}`)),
  );
}
