/** What the server says of a calculation, as types. The contract is /openapi.json. */

import { get, post } from "../wire";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Named {
  readonly name: string;
  readonly description: string;
}

export interface Example {
  readonly variant: string;
  readonly source: string;
  readonly input: JsonObject;
}

export interface About extends Named {
  readonly variants: readonly { readonly name: string; readonly required: readonly string[] }[];
  readonly examples: readonly Example[];
  readonly schema: JsonObject;
}

export interface Sheet {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string | null>>[];
  /** The columns of decimal text. */
  readonly amounts: readonly string[];
}

export interface Answer {
  readonly result: JsonObject;
  readonly sheets: readonly Sheet[];
}

export const list = async (): Promise<readonly Named[]> => (await get<{ calculations: Named[] }>("/calculations")).calculations;

export const about = (name: string): Promise<About> => get<About>(`/calculations/${encodeURIComponent(name)}`);

export const compute = (name: string, text: string): Promise<Answer> =>
  post<Answer>(`/calculations/${encodeURIComponent(name)}`, text, { view: "sheets" });

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The rows of a list of objects; none if it is something else. */
export function rowsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}

/** Decimal text, or null: not computable, absent or something else. */
export function decimal(value: Json | undefined): string | null {
  const text = typeof value === "number" && Number.isInteger(value) ? String(value) : value;
  return typeof text === "string" && /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? text : null;
}

export function text(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
