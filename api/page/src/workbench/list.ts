/** The loans on the left: search and filters, what waits for the reader, and the nearest deadline. */

import { text } from "../calculations/api";
import { h, setHidden, setText } from "../dom";
import { add, format, grouped, parse } from "../money";
import type { State } from "./api";
import { addressOf } from "./address";
import { T, word } from "./words";
import { NOTHING, type Waiting } from "./worklists";

const ROWS_MAX = 200;
export const BUCKETS = ["costs", "principal", "interest_on", "interest_off", "penalty", "compound"] as const;

/** Every word of the search stands in the loan's number, customer, branch, manager or tags, or in its class. */
export function matches(loan: State, sought: string): boolean {
  const named = ["loan_no", "customer_no", "branch", "manager", "product", "segment"].map((name) => text(loan[name]));
  const tags = Array.isArray(loan["tags"]) ? loan["tags"].map(String) : [];
  const all = [...named, ...tags, text(loan["classification"]), word(text(loan["classification"]))].join(" ").toLowerCase();
  return sought.toLowerCase().split(/\s+/).every((part) => all.includes(part));
}

/** What is left of the claim, or of the memo claim: decimal text. */
export function outstanding(loan: State): string {
  const memo = loan["memo"] as State | undefined;
  const parts = [loan, ...(memo ? [memo] : [])].flatMap((held) => BUCKETS.map((bucket) => parse(text(held[bucket]) || "0")));
  return format(parts.reduce(add));
}

export class LoanList {
  readonly element = h("section", { class: "panel desk-list", "aria-labelledby": "desk-list-title" });
  private loans: readonly State[] = [];
  private waits: Waiting = NOTHING;
  private chosen = "";

  private readonly search = h("input", { type: "search", id: "desk-search", autocomplete: "off" });
  private readonly mine = h("input", { type: "checkbox", id: "desk-mine" });
  private readonly selects = ["stage", "classification", "org", "deadline"].map((name) => h("select", { id: `desk-${name}` }));
  private readonly count = h("span", { class: "quiet", role: "status" });
  private readonly items = h("ul", { class: "desk-loans" });
  private readonly note = h("p", { class: "empty", hidden: true });
  private mineLine: HTMLElement = h("p", {});
  private dueLine: HTMLElement = h("p", {});

  constructor(private readonly register: () => void) {
    for (const input of [this.search, this.mine, ...this.selects]) input.addEventListener("input", () => this.render());
    this.element.addEventListener("keydown", (event) => this.move(event));
  }

  /** Once more in the present language. */
  draw(): void {
    this.search.placeholder = T.searchHint;
    const labelled = (id: string, title: string, input: HTMLElement): HTMLElement => h("label", { for: id }, h("span", {}, title), input);
    this.mineLine = h("p", { class: "desk-check" }, this.mine, " ", h("label", { for: "desk-mine" }, T.mine));
    const [stage, classification, org, deadline] = this.selects as [HTMLSelectElement, HTMLSelectElement, HTMLSelectElement, HTMLSelectElement];
    this.dueLine = labelled("desk-deadline", T.deadline, deadline);
    this.element.replaceChildren(
      h("header", {}, h("h3", { id: "desk-list-title" }, T.panes.list), this.count),
      h(
        "div",
        { class: "desk-filters" },
        labelled("desk-search", T.search, this.search),
        labelled("desk-stage", T.stage, stage),
        labelled("desk-classification", T.classification, classification),
        labelled("desk-org", T.org, org),
        this.dueLine,
        this.mineLine,
      ),
      this.note,
      this.items,
      h("p", { class: "desk-buttons" }, h("button", { type: "button", class: "plain", id: "desk-register", onclick: this.register }, T.register)),
    );
    this.show(this.loans, this.waits);
  }

  begin(): void {
    this.search.select();
  }

  show(loans: readonly State[], waits: Waiting): void {
    [this.loans, this.waits] = [loans, waits];
    const [stage, classification, org, deadline] = this.selects as [HTMLSelectElement, HTMLSelectElement, HTMLSelectElement, HTMLSelectElement];
    fill(stage, loans.map((loan) => text(loan["lifecycle"])), word);
    fill(classification, loans.map((loan) => text(loan["classification"])), word);
    fill(org, loans.map((loan) => text(loan["branch"])), (code) => code);
    fill(deadline, [...waits.dueByLoan.values()].map((due) => due.colour), (code) => T.colours[code] ?? code);
    setHidden(this.mineLine, !waits.known);
    setHidden(this.dueLine, !waits.known);
    this.render();
  }

  choose(loan_no: string): void {
    if (this.chosen === loan_no) return;
    this.chosen = loan_no;
    this.render();
  }

  private render(): void {
    const [stage, classification, org, deadline] = this.selects.map((select) => select.value);
    const fits = (loan: State): boolean => {
      const number = text(loan["loan_no"]);
      const wishes: readonly (readonly [string | undefined, string])[] = [
        [stage, text(loan["lifecycle"])],
        [classification, text(loan["classification"])],
        [org, text(loan["branch"])],
        [deadline, this.waits.dueByLoan.get(number)?.colour ?? ""],
      ];
      const isMine = !this.mine.checked || !this.waits.known || this.waits.todosByLoan.has(number);
      return isMine && wishes.every(([wish, value]) => !wish || wish === value) && matches(loan, this.search.value);
    };
    const found = this.loans.filter(fits);
    this.items.replaceChildren(...found.slice(0, ROWS_MAX).map((loan) => this.item(loan)));
    setText(this.count, T.counted(found.length, this.loans.length));
    setText(this.note, found.length === 0 ? T.noLoans : T.firstShown(ROWS_MAX));
    setHidden(this.note, found.length > 0 && found.length <= ROWS_MAX);
  }

  private item(loan: State): HTMLElement {
    const number = text(loan["loan_no"]);
    const todos = this.waits.todosByLoan.get(number);
    const due = this.waits.dueByLoan.get(number);
    const state = text(loan["lifecycle"]) === "ACTIVE" ? text(loan["classification"]) : text(loan["lifecycle"]);
    const link = h(
      "a",
      { href: addressOf("RiskAsset", number), "aria-current": number === this.chosen ? "true" : undefined },
      h("b", {}, number),
      h("span", { class: "desk-badge", "data-code": state }, word(state)),
      h("span", { class: "quiet" }, [text(loan["customer_no"]), text(loan["branch"])].filter(Boolean).join(" · ")),
      h("span", { class: "number" }, `${text(loan["ccy"])} ${grouped(outstanding(loan))}`),
      !!todos && h("span", { class: "desk-todos" }, T.todos(todos)),
      due && h("span", { class: "desk-due", "data-colour": due.colour }, T.due(due.days)),
    );
    return h("li", {}, link);
  }

  private move(event: KeyboardEvent): void {
    const links = [...this.items.querySelectorAll<HTMLElement>("a")];
    const at = links.findIndex((link) => link === document.activeElement);
    const isTyping = document.activeElement === this.search;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || (at < 0 && !isTyping)) return;
    event.preventDefault();
    (links[at + step] ?? (at + step < 0 ? this.search : links[at]))?.focus();
  }
}

/** The values that there are; what was chosen stays chosen. */
function fill(select: HTMLSelectElement, values: readonly string[], named: (code: string) => string): void {
  const kept = select.value;
  const options = [...new Set(values)].filter(Boolean).sort();
  if (kept && !options.includes(kept)) options.push(kept);
  select.replaceChildren(h("option", { value: "" }, T.all), ...options.map((code) => h("option", { value: code }, named(code))));
  select.value = kept;
}
