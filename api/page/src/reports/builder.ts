/** The builder: fields are dragged into boxes, or put there with a choice that the keyboard reaches. */

import { labelled, panel } from "../auditor/pane";
import { h } from "../dom";
import { type Box, BOXES, type Definition, EMPTY, type Field, type Source, boxesOf, condition, moved, parts, put, removed, replaced } from "./question";
import { T, titleOf } from "./words";

const FIGURE_FUNCTIONS = ["sum", "share", "closing", "change", "per_cent", "min", "max", "median"];
const TYPE = "application/x-tidemark-field";

export class Builder {
  readonly element = h("div", { class: "rep-builder" });
  private readonly list = h("div", { class: "rep-fields" });
  private readonly boxes = new Map<Box, HTMLElement>();
  private readonly search = h("input", { type: "search", id: "rep-search", autocomplete: "off" });
  private readonly choice = h("select", { id: "rep-source" });
  private readonly more = h("div", { class: "rep-more" });
  private readonly said = h("p", { class: "visually-hidden", role: "status" });
  question: Definition = EMPTY;

  constructor(
    private readonly sources: readonly Source[],
    private readonly onRun: () => void,
  ) {
    this.choice.append(...sources.map((one) => h("option", { value: one.name }, titleOf(one))));
    this.choice.addEventListener("change", () => this.take({ ...EMPTY, source: this.choice.value }));
    this.search.addEventListener("input", () => this.fill());
    const boxes = BOXES.map((box) => this.box(box));
    const go = h("button", { type: "button", class: "primary", id: "rep-run", onclick: () => this.onRun() }, T.run);
    const fields = h("div", { class: "rep-choose" }, labelled(T.source, this.choice), labelled(T.search, this.search), this.list);
    this.element.append(panel("question", T.builder, T.builderAbout, h("div", { class: "rep-parts" }, fields, h("div", { class: "rep-boxes" }, ...boxes, this.more, h("p", {}, go))), this.said));
  }

  get source(): Source | undefined {
    return this.sources.find((one) => one.name === this.question.source);
  }

  take(question: Definition): void {
    this.question = question;
    this.choice.value = question.source;
    this.fill();
    for (const box of BOXES) this.fillBox(box);
    this.fillMore();
  }

  private change(question: Definition, said = ""): void {
    this.take(question);
    this.said.textContent = said;
  }

  private named(name: string): string {
    const field = this.source?.fields.find((one) => one.name === name);
    return field ? titleOf(field) : name;
  }

  private box(box: Box): HTMLElement {
    const title = box === "where" ? T.filters : T[box];
    const list = h("ol", { class: "rep-chips", "aria-label": title });
    this.boxes.set(box, list);
    const around = h("div", { class: "rep-box", "data-box": box }, h("h4", {}, title), list);
    around.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes(TYPE)) event.preventDefault();
    });
    around.addEventListener("drop", (event) => {
      event.preventDefault();
      const field = this.source?.fields.find((one) => one.name === event.dataTransfer?.getData(TYPE));
      if (field) this.change(put(this.question, box, field), `${titleOf(field)}: ${title}`);
    });
    return around;
  }

  private fill(): void {
    const wish = this.search.value.trim().toLowerCase();
    const fields = (this.source?.fields ?? []).filter((one) => `${one.name} ${one.title} ${one.title_zh}`.toLowerCase().includes(wish));
    const group = (title: string, some: readonly Field[]): HTMLElement[] => (some.length === 0 ? [] : [h("h4", {}, title), h("ul", {}, ...some.map((one) => this.field(one)))]);
    this.list.replaceChildren(...group(T.figures, fields.filter((one) => one.kind !== "text")), ...group(T.dimensions, fields.filter((one) => one.kind === "text")));
  }

  private field(field: Field): HTMLElement {
    const name = titleOf(field);
    const place = (box: Box): void => {
      this.change(put(this.question, box, field), `${name}: ${box === "where" ? T.filters : T[box]}`);
      document.getElementById(`rep-put-${field.name}`)?.focus();
    };
    const choose = h("select", { id: `rep-put-${field.name}`, "aria-label": T.addTo(name) }, h("option", { value: "" }, "＋"), ...boxesOf(field).map((box) => h("option", { value: box }, box === "where" ? T.filters : T[box])));
    choose.addEventListener("change", () => {
      const box = choose.value as Box;
      choose.value = "";
      place(box);
    });
    const item = h("li", { draggable: "true", class: "rep-field", "data-field": field.name }, h("span", {}, name), choose);
    item.addEventListener("dragstart", (event) => event.dataTransfer?.setData(TYPE, field.name));
    return item;
  }

  private fillBox(box: Box): void {
    const list = this.boxes.get(box);
    if (list === undefined) return;
    const chips = this.question[box].map((text, at) => this.chip(box, text, at));
    if (box === "measures" && !this.question.measures.includes("count()")) {
      const count = h("button", { type: "button", class: "plain", onclick: () => this.change({ ...this.question, measures: [...this.question.measures, "count()"] }) }, `＋ ${T.countRows}`);
      chips.push(h("li", { class: "rep-add" }, count));
    }
    list.replaceChildren(...(chips.length === 0 ? [h("li", { class: "quiet" }, T.emptyBox)] : chips));
  }

  private chip(box: Box, text: string, at: number): HTMLLIElement {
    const { content, name } = box === "measures" ? this.measure(text, at) : box === "where" ? this.filter(text, at) : { content: [h("span", {}, this.named(text))], name: this.named(text) };
    const button = (label: string, sign: string, work: () => Definition): HTMLElement => h("button", { type: "button", class: "plain", "aria-label": label, title: label, onclick: () => this.change(work()) }, sign);
    const order = box === "where" || this.question[box].length < 2 ? [] : [button(T.earlier(name), "↑", () => moved(this.question, box, at, -1)), button(T.later(name), "↓", () => moved(this.question, box, at, 1))];
    return h("li", { class: "rep-chip" }, ...content, ...order, button(T.remove(name), "×", () => removed(this.question, box, at)));
  }

  private measure(text: string, at: number): { content: Node[]; name: string } {
    const { fn, given } = parts(text);
    if (fn === "count") return { content: [h("span", {}, T.countRows)], name: T.countRows };
    const [field = "", second = ""] = given;
    const about = this.source?.fields.find((one) => one.name === field);
    const fits = FIGURE_FUNCTIONS.filter((one) => (about?.kind === "rate" ? ["min", "max", "median"].includes(one) : one !== "closing" || this.source?.closing_date));
    const choose = h("select", { "aria-label": T.function(this.named(field)) }, ...[...new Set([...fits, fn])].map((one) => h("option", { value: one }, T.functions[one] ?? one)));
    choose.value = fn;
    const other = this.source?.fields.find((one) => one.kind === about?.kind && one.name !== field)?.name ?? field;
    choose.addEventListener("change", () => {
      const next = choose.value === "per_cent" ? `per_cent(${field},${other})` : `${choose.value}(${field})`;
      const question = replaced(this.question, "measures", at, next);
      this.change(choose.value === "change" && question.compare === undefined ? { ...question, compare: {} } : question);
    });
    const content: Node[] = [h("span", {}, this.named(field)), choose];
    if (fn === "per_cent") {
      const of = h("select", { "aria-label": T.of(this.named(field)) }, ...(this.source?.fields ?? []).filter((one) => one.kind === about?.kind).map((one) => h("option", { value: one.name }, titleOf(one))));
      of.value = second;
      of.addEventListener("change", () => this.change(replaced(this.question, "measures", at, `per_cent(${field},${of.value})`)));
      content.push(of);
    }
    return { content, name: this.named(field) };
  }

  private filter(text: string, at: number): { content: Node[]; name: string } {
    const { field, operator, value } = condition(text);
    const name = this.named(field);
    const choose = h("select", { "aria-label": T.operator(name) }, ...["in", "not in", "=", "!=", ">=", "<="].map((one) => h("option", { value: one }, one)));
    choose.value = operator;
    const isDay = this.source?.fields.find((one) => one.name === field)?.grain === "day" && operator !== "in" && operator !== "not in";
    const input = h("input", { type: isDay ? "date" : "text", "aria-label": T.value(name), autocomplete: "off", value });
    const set = (): void => this.change(replaced(this.question, "where", at, `${field} ${choose.value} ${input.value}`));
    choose.addEventListener("change", set);
    input.addEventListener("change", set);
    return { content: [h("span", {}, name), choose, input], name };
  }

  private fillMore(): void {
    const { question } = this;
    const currency = h("input", { type: "text", id: "rep-currency", maxlength: 3, size: 12, value: question.reporting_currency ?? "", placeholder: T.reportingNone, autocomplete: "off" });
    currency.addEventListener("change", () => {
      const { reporting_currency: _, ...rest } = this.question;
      const wish = currency.value.trim().toUpperCase();
      this.change(wish === "" ? rest : { ...rest, reporting_currency: wish });
    });
    const sort = h("select", { id: "rep-sort" }, h("option", { value: "" }, T.byName), ...question.measures.map((one) => h("option", { value: `-${one}` }, T.largest(this.said_of(one)))));
    sort.value = question.sort ?? "";
    sort.addEventListener("change", () => this.change({ ...this.question, sort: sort.value }));
    const top = h("input", { type: "number", id: "rep-top", min: 1, max: 1000, value: question.top?.count ?? "" });
    top.addEventListener("change", () => {
      const { top: _, ...rest } = this.question;
      const dimension = rest.rows[rest.rows.length - 1];
      const by = rest.measures.find((one) => ["sum", "count", "min", "max", "per_cent", "closing"].includes(parts(one).fn));
      this.change(top.value === "" || dimension === undefined || by === undefined ? rest : { ...rest, top: { dimension, count: Number(top.value), by } });
    });
    const nodes = [labelled(T.sort, sort), labelled(T.top, top)];
    if (this.source?.has_currency) nodes.unshift(labelled(T.reporting, currency));
    if (question.compare !== undefined) {
      const day = h("input", { type: "date", id: "rep-compare", value: String(question.compare["as_of"] ?? "") });
      day.addEventListener("change", () => this.change({ ...this.question, compare: day.value === "" ? {} : { as_of: day.value } }));
      nodes.push(labelled(T.compare, day));
    }
    this.more.replaceChildren(...nodes);
  }

  private said_of(measure: string): string {
    const { fn, given } = parts(measure);
    return fn === "count" ? T.countRows : `${this.named(given[0] ?? "")} (${T.functions[fn] ?? fn})`;
  }
}
