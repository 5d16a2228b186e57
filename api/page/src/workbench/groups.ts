/** Inputs made of others: a split over claim buckets that must add up, lists of records, one record inside another. */

import { type Json, type JsonObject, text } from "../calculations/api";
import { h, setHidden, setText } from "../dom";
import { add, compare, format, grouped, negate, parse } from "../money";
import type { Field, State } from "./api";
import { type Editor, SimpleInput, Wrong, amountOf, newName } from "./inputs";
import { BUCKETS } from "./list";
import { T, word } from "./words";

/** What inputs must know of the form around them. */
export interface Around {
  readonly loan: State | null;
  /** The amount that parts have to add up to; null: none is known. */
  readonly whole: () => string | null;
}

export function editorOf(field: Field, path: string, around: Around, first = ""): Editor {
  if (field.type === "money_by_bucket") return new SplitInput(field, path, around);
  if (field.type === "records") return new RecordsInput(field, path, around);
  if (field.fields && field.fields.length > 0) return new GroupInput(field, path, around);
  return new SimpleInput(field, path, first);
}

/** "120.00 still to be spread", "The parts add up to the amount." */
export function balance(parts: readonly string[], whole: string | null): { text: string; adds: boolean } {
  const sum = parts.map((part) => amountOf(part)).filter((part) => part !== null).map(parse).reduce(add, parse("0.00"));
  if (whole === null) return { text: T.partsSum(grouped(format(sum))), adds: true };
  const left = add(parse(whole), negate(sum));
  const sign = compare(left, parse("0"));
  const size = grouped(format(sign < 0 ? negate(left) : left));
  return { text: sign === 0 ? T.addsUp : sign > 0 ? T.left(size) : T.tooMuch(size), adds: sign === 0 };
}

class SplitInput implements Editor {
  readonly element: HTMLElement;
  private readonly inputs = new Map<string, HTMLInputElement>();
  private readonly line = h("p", { class: "desk-balance", role: "status" });
  private readonly problem = h("p", { class: "desk-problem", hidden: true });

  constructor(
    field: Field,
    private readonly path: string,
    private readonly around: Around,
  ) {
    const { loan } = around;
    const held = ((loan && text(loan["lifecycle"]) === "WRITTEN_OFF" ? loan["memo"] : loan) ?? {}) as State;
    const lines = BUCKETS.map((bucket) => {
      const id = newName();
      const input = h("input", { id, type: "text", inputmode: "decimal", class: "number", autocomplete: "off" });
      this.inputs.set(bucket, input);
      const most = text(held[bucket]);
      const note = h("span", { class: "quiet" }, most === "" ? "" : T.inBucket(grouped(most)));
      input.addEventListener("input", () => {
        const amount = amountOf(input.value);
        const isAbove = amount !== null && most !== "" && compare(parse(amount), parse(most)) > 0;
        setText(note, isAbove ? T.aboveBucket : most === "" ? "" : T.inBucket(grouped(most)));
        note.classList.toggle("failed", isAbove);
      });
      return h("div", { class: "desk-part" }, h("label", { for: id }, word(bucket)), input, note);
    });
    this.element = h("fieldset", { class: "desk-split", "data-field": path }, h("legend", {}, word(field.name), h("span", { class: "quiet" }, ` ${T.derived}`)), ...lines, this.line, this.problem);
    // The whole may be typed elsewhere in the form, so every input of the form counts.
    queueMicrotask(() => this.element.closest("form")?.addEventListener("input", () => this.weigh()));
  }

  private given(): [string, string][] {
    return [...this.inputs].map(([bucket, input]): [string, string] => [bucket, input.value.trim()]).filter(([, typed]) => typed !== "");
  }

  private weigh(): void {
    const given = this.given();
    setText(this.line, given.length === 0 ? "" : balance(given.map(([, typed]) => typed), this.around.whole()).text);
  }

  read(): Json | undefined {
    const given = this.given();
    if (given.length === 0) return undefined;
    const parts: Record<string, string> = {};
    for (const [bucket, typed] of given) {
      const amount = amountOf(typed);
      if (amount === null) throw new Wrong(`${this.path}.${bucket}`, T.wrong.money);
      parts[bucket] = amount;
    }
    const { adds, text: why } = balance(Object.values(parts), this.around.whole());
    if (!adds) throw new Wrong(this.path, `${T.wrong.split} ${why}`);
    return parts;
  }

  fail(path: string, why: string): boolean {
    if (path !== this.path && !path.startsWith(`${this.path}.`)) return false;
    setText(this.problem, why);
    setHidden(this.problem, false);
    const details = this.element.closest("details");
    if (details) details.open = true;
    (this.inputs.get(path.slice(this.path.length + 1)) ?? [...this.inputs.values()][0])?.focus();
    return true;
  }

  clear(): void {
    setHidden(this.problem, true);
  }
}

class GroupInput implements Editor {
  readonly element: HTMLElement;
  private readonly inner: readonly (readonly [Field, Editor])[];

  constructor(field: Field, path: string, around: Around, legend = word(field.name), number = 1) {
    const preset = (one: Field): string => (one.type === "integer" && /^split_no$|^line$/.test(one.name) ? String(number) : "");
    this.inner = (field.fields ?? []).map((one) => [one, editorOf(one, `${path}.${one.name}`, around, preset(one))] as const);
    this.element = h("fieldset", { "data-field": path }, h("legend", {}, legend), ...this.inner.map(([, editor]) => editor.element));
  }

  read(): JsonObject | undefined {
    const values = this.inner.flatMap(([{ name }, editor]) => {
      const value = editor.read();
      return value === undefined ? [] : [[name, value] as const];
    });
    return values.length === 0 ? undefined : Object.fromEntries(values);
  }

  fail(path: string, why: string): boolean {
    return this.inner.some(([, editor]) => editor.fail(path, why));
  }

  clear(): void {
    for (const [, editor] of this.inner) editor.clear();
  }
}

class RecordsInput implements Editor {
  readonly element: HTMLElement;
  private rows: GroupInput[] = [];
  private readonly box = h("div", { class: "desk-records" });
  private readonly line = h("p", { class: "desk-balance", role: "status" });
  private readonly problem = h("p", { class: "desk-problem", hidden: true });

  constructor(
    private readonly field: Field,
    private readonly path: string,
    private readonly around: Around,
  ) {
    const more = h("button", { type: "button", class: "plain", onclick: () => this.append() }, T.addRow);
    this.element = h("fieldset", { "data-field": path }, h("legend", {}, word(field.name)), this.box, this.line, this.problem, more);
    this.element.addEventListener("input", () => this.weigh());
    if (field.required) this.append();
  }

  private append(): void {
    const at = this.rows.length;
    const row = new GroupInput(this.field, `${this.path}[${at}]`, { ...this.around, whole: () => null }, T.row(at + 1), at + 1);
    this.rows.push(row);
    this.box.append(row.element);
    // Only the last row goes, so that the others keep the numbers by which the server names them.
    const remove = h("button", { type: "button", class: "plain", onclick: () => this.drop(row) }, T.removeRow);
    row.element.append(remove);
  }

  private drop(row: GroupInput): void {
    if (this.rows.at(-1) !== row) return;
    this.rows.pop();
    row.element.remove();
    this.weigh();
  }

  private weigh(): void {
    if (!this.field.fields?.some(({ name }) => name === "amount")) return;
    const parts = [...this.box.querySelectorAll<HTMLInputElement>("[data-field$='.amount'] input")].map((input) => input.value);
    setText(this.line, balance(parts, this.around.whole()).text);
  }

  read(): Json | undefined {
    const rows = this.rows.map((row) => row.read()).filter((row) => row !== undefined);
    return rows.length === 0 ? undefined : rows;
  }

  fail(path: string, why: string): boolean {
    if (this.rows.some((row) => row.fail(path, why))) return true;
    if (path !== this.path && !path.startsWith(`${this.path}[`)) return false;
    setText(this.problem, why);
    setHidden(this.problem, false);
    this.element.querySelector<HTMLElement>("input, select, button")?.focus();
    return true;
  }

  clear(): void {
    setHidden(this.problem, true);
    for (const row of this.rows) row.clear();
  }
}
