/** Whatever the server says, for reading: amounts grouped, instants short, records and lists as tables. */

import type { Json, JsonObject } from "../calculations/api";
import { h } from "../dom";
import { MINUS, grouped } from "../money";
import { type Cell, table } from "../table";
import { shownValue } from "../workbench/history";
import { word } from "./words";

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|\+00:00)$/;
const NAMES_A_FIELD = new Set(["field", "column", "type"]);
/** Names of the bank's own, which are not codes to be put into words. */
const OWN_NAMES = new Set(["entity", "entity_id", "branch", "org", "organisation"]);
const AMOUNT = /^-?[0-9]+\.[0-9]+$/;

export function shown(value: Json | undefined): string {
  if (typeof value === "string" && INSTANT.test(value)) return `${value.slice(0, 10)} ${value.slice(11, 19)} UTC`;
  if (typeof value === "string" && AMOUNT.test(value)) return grouped(value);
  if (typeof value === "number") return String(value).replace("-", MINUS);
  return shownValue(value);
}

/** As `shown`, but for the bank's own names: entity BANK is no word. */
const ofField = (name: string, value: Json | undefined): string => (OWN_NAMES.has(name) && typeof value === "string" ? value : shown(value));

/** A cell of a ledger or any table: numbers at the right. */
export function cell(value: Json | undefined): Cell {
  const isNumber = typeof value === "number" || (typeof value === "string" && AMOUNT.test(value));
  return { content: shown(value), isNumber };
}

/** The cell of a named column. */
export const cellOf = (name: string, value: Json | undefined): Cell => (OWN_NAMES.has(name) ? { content: ofField(name, value) } : cell(value));

const isRecord = (value: Json | undefined): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** A value of a difference: text and numbers stand in one column. */
export const plainCell = (value: Json | undefined): Cell => ({ content: shown(value) });

/** A cell of a column of amounts: yen have no point, and are amounts all the same. */
const amount = (value: Json | undefined): Cell => (typeof value === "string" && /^-?[0-9]+$/.test(value) ? { content: grouped(value), isNumber: true } : cell(value));

/** A record as a list of facts, its lists of records as tables below it. */
export function facts(title: string, record: JsonObject, level = 4): HTMLElement {
  const plain = Object.entries(record).filter(([, value]) => !isNested(value));
  const nested = Object.entries(record).filter(([, value]) => isNested(value));
  const list = h("dl", { class: "facts" });
  for (const [name, value] of plain) list.append(h("dt", {}, word(name)), h("dd", {}, ofField(name, value)));
  const head = level > 4 ? h("h5", {}, title) : h("h4", {}, title);
  return h("section", { class: "aud-facts" }, title === "" ? null : head, plain.length > 0 ? list : null, ...nested.map(([name, value]) => told(word(name), value, level + 1)));
}

/** Any value that is more than a word. */
export function told(title: string, value: Json | undefined, level = 4): HTMLElement {
  if (isRecord(value)) return facts(title, value, level);
  if (Array.isArray(value)) {
    const rows = value as readonly Json[];
    const records = rows.filter(isRecord);
    if (rows.length > 0 && records.length === rows.length) return h("section", { class: "aud-facts" }, h("h5", {}, `${title} (${rows.length})`), sheet(title, records));
  }
  return facts("", { [title]: value ?? null }, level);
}

const isNested = (value: Json | undefined): boolean => (isRecord(value) && Object.keys(value).length > 0) || (Array.isArray(value) && value.length > 0 && (value as readonly Json[]).every(isRecord));

/** Records of one shape as a table. */
export function sheet(caption: string, rows: readonly JsonObject[]): HTMLElement {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const amounts = new Set(names.filter((name) => rows.some((row) => typeof row[name] === "string" && AMOUNT.test(row[name]))));
  return table(caption, names.map(word), rows.map((row) => names.map((name) => (NAMES_A_FIELD.has(name) ? { content: word(String(row[name])) } : OWN_NAMES.has(name) ? cellOf(name, row[name]) : name === "before" || name === "after" ? plainCell(row[name]) : amounts.has(name) ? amount(row[name]) : cell(row[name])))));
}
