/** One input for each kind of field of a command. Amounts stay decimal text from the key to the server. */

import type { Json } from "../calculations/api";
import { h, setHidden, setText } from "../dom";
import { grouped } from "../money";
import type { Field } from "./api";
import { shownValue } from "./history";
import { T, word } from "./words";

/** What cannot be sent, and where it stands: `splits[0].amount`. */
export class Wrong extends Error {
  constructor(
    readonly path: string,
    why: string,
  ) {
    super(why);
  }
}

export interface Editor {
  readonly element: HTMLElement;
  /** undefined: left empty. Throws Wrong. */
  read(): Json | undefined;
  /** Shows what is wrong at `path` and goes there; false if that is not here. */
  fail(path: string, why: string): boolean;
  /** Takes all such marks away. */
  clear(): void;
}

/** The system fills these in from the record or the loan, whatever the table calls them. */
export const DERIVED = new Set([
  "asset_ids", "claim_snapshot", "book_amount", "memo_interest", "snapshot_hash", "instruction_id", "attempt", "alloc", "days_overdue", "from_class", "reverses",
]);

const AMOUNT = /^-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]{1,3})?$/;

/** An amount as typed, "1,234.5", as the server wants it; null if it is none. */
export function amountOf(typed: string, signed = false): string | null {
  const plain = typed.trim();
  return AMOUNT.test(plain) && (signed || !plain.startsWith("-")) ? plain.replaceAll(",", "") : null;
}

const listed = (typed: string, by: RegExp): string[] => typed.split(by).map((part) => part.trim()).filter(Boolean);

function json(path: string, typed: string, isList: boolean): Json {
  try {
    const value = JSON.parse(typed) as Json;
    if (typeof value === "object" && value !== null && Array.isArray(value) === isList) return value;
  } catch {
    // said below
  }
  throw new Wrong(path, T.wrong.json);
}

/** What stands in the input as a value of the field's type. Throws Wrong. */
export function valueOf(type: string, path: string, typed: string): Json {
  const unless = (holds: boolean, why: string): void => {
    if (!holds) throw new Wrong(path, why);
  };
  switch (type) {
    case "money":
    case "signed_money": {
      const amount = amountOf(typed, type === "signed_money");
      if (amount === null) throw new Wrong(path, T.wrong.money);
      return amount;
    }
    case "integer":
      unless(/^-?[0-9]{1,15}$/.test(typed), T.wrong.integer);
      return Number(typed);
    case "boolean":
      return typed === "true";
    case "percentage":
    case "rate":
    case "number":
      unless(/^-?[0-9]+(\.[0-9]+)?$/.test(typed), T.wrong.decimal);
      return typed;
    case "day":
      unless(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(typed), T.wrong.day);
      return typed;
    case "code":
      unless(/^[A-Z0-9_-]+$/.test(typed), T.wrong.code);
      return typed;
    case "ids":
      return listed(typed, /[,，、\s]+/);
    case "texts":
      return listed(typed, /\n/);
    case "object":
    case "money_by_name":
      return json(path, typed, false);
    case "objects":
      return json(path, typed, true);
    default:
      return typed;
  }
}

let number = 0;
export const newName = (): string => `desk-field-${(number += 1)}`;

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** A field with one control. `first`: what stands in it at the beginning. */
export class SimpleInput implements Editor {
  readonly element: HTMLElement;
  readonly control: Control;
  private readonly problem: HTMLElement;

  constructor(
    private readonly field: Field,
    private readonly path: string,
    first = "",
  ) {
    const id = newName();
    this.control = control(field, id);
    this.control.value = first;
    this.problem = h("p", { class: "desk-problem", id: `${id}-problem`, hidden: true });
    const hints = hintOf(field);
    const needed = field.required && !isLeftToSystem(field);
    const reading = h("span", { class: "quiet desk-reading" });
    if (field.type === "money" || field.type === "signed_money") {
      this.control.addEventListener("input", () => setText(reading, reads(this.control.value)));
    }
    this.control.setAttribute("aria-describedby", `${id}-hint ${id}-problem`);
    this.element = h(
      "div",
      { class: "desk-field", "data-field": path },
      h("label", { for: id }, word(field.name), needed && h("span", { class: "desk-needed" }, ` ${T.required}`)),
      this.control,
      h("span", { class: "quiet", id: `${id}-hint` }, hints),
      reading,
      this.problem,
    );
  }

  read(): Json | undefined {
    const typed = this.control.value.trim();
    return typed === "" ? undefined : valueOf(this.field.type, this.path, typed);
  }

  fail(path: string, why: string): boolean {
    if (path !== this.path && !path.startsWith(`${this.path}.`) && !path.startsWith(`${this.path}[`)) return false;
    setText(this.problem, why);
    setHidden(this.problem, false);
    this.control.setAttribute("aria-invalid", "true");
    for (let box = this.element.closest("details"); box; box = box.parentElement?.closest("details") ?? null) box.open = true;
    this.control.focus();
    return true;
  }

  clear(): void {
    setHidden(this.problem, true);
    this.control.removeAttribute("aria-invalid");
  }
}

const isLeftToSystem = (field: Field): boolean => !field.required || DERIVED.has(field.name) || field.value !== undefined;

function reads(typed: string): string {
  const amount = amountOf(typed, true);
  return amount === null ? "" : `= ${grouped(amount)}`;
}

function hintOf(field: Field): string {
  if (field.value !== undefined && field.value !== null) {
    const system = shownValue(field.value);
    return system === "–" ? "" : T.emptyMeans(system);
  }
  const hints: Readonly<Record<string, string>> = { ids: T.listHint, texts: T.linesHint, object: "JSON { }", objects: "JSON [ ]", money_by_name: "JSON { }", code: field.values.length > 0 ? "" : T.codeHint };
  return [hints[field.type] ?? "", DERIVED.has(field.name) ? T.derived : ""].filter(Boolean).join(" · ");
}

function control(field: Field, id: string): Control {
  const options = field.type === "boolean" ? [["true", T.yes], ["false", T.no]] : field.values.map((code) => [code, `${word(code)} (${code})`]);
  if (options.length > 0) return h("select", { id }, h("option", { value: "" }, T.choice), ...options.map(([value, title]) => h("option", { value: value ?? "" }, title ?? "")));
  if (["texts", "object", "objects", "money_by_name"].includes(field.type)) return h("textarea", { id, rows: 3, spellcheck: "false" });
  if (field.type === "day") return h("input", { id, type: "date" });
  const mode = ["money", "signed_money", "percentage", "rate", "number"].includes(field.type) ? "decimal" : field.type === "integer" ? "numeric" : undefined;
  return h("input", { id, type: "text", autocomplete: "off", inputmode: mode, class: mode && "number" });
}
