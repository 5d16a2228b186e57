/** A question as the builder holds it: which field stands in which box, and the definition that is sent. Pure. */

export interface Field {
  readonly name: string;
  readonly title: string;
  readonly title_zh: string;
  readonly kind: "text" | "money" | "number" | "rate";
  readonly grain: string | null;
  readonly personal: boolean;
}

export interface Source {
  readonly name: string;
  readonly title: string;
  readonly title_zh: string;
  readonly closing_date: string | null;
  readonly has_currency: boolean;
  readonly fields: readonly Field[];
}

export interface Definition {
  readonly source: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly measures: readonly string[];
  readonly where: readonly string[];
  readonly top?: { readonly dimension: string; readonly count: number; readonly by: string; readonly others?: boolean };
  readonly sort?: string;
  readonly reporting_currency?: string;
  readonly compare?: Readonly<Record<string, unknown>>;
  readonly as_of?: string;
}

export type Box = "rows" | "columns" | "measures" | "where";
export const BOXES: readonly Box[] = ["rows", "columns", "measures", "where"];

export const EMPTY: Definition = { source: "positions", rows: [], columns: [], measures: [], where: [] };

/** `sum(net)` taken apart: name of the function and its fields. */
export function parts(measure: string): { fn: string; given: readonly string[] } {
  const found = /^(?:[a-z][a-z0-9_]*\s*=\s*)?([a-z_]+)\((.*)\)$/.exec(measure.trim());
  return { fn: found?.[1] ?? "", given: (found?.[2] ?? "").split(",").map((one) => one.trim()).filter(Boolean) };
}

export function condition(text: string): { field: string; operator: string; value: string } {
  const found = /^([a-z][a-z0-9_]*)\s*(>=|<=|!=|=|not in|in)\s*(.*)$/s.exec(text.trim());
  return { field: found?.[1] ?? "", operator: found?.[2] ?? "in", value: found?.[3] ?? "" };
}

/** The one entity that a question is about; empty where it is about more. */
export function onlyEntity({ where }: Definition): string {
  const [found] = where.map(condition).filter(({ field, operator, value }) => field === "entity" && (operator === "=" || operator === "in") && !value.includes(","));
  return found?.value ?? "";
}

/** Which boxes take a field: figures only the one for figures. */
export function boxesOf(field: Field): readonly Box[] {
  return field.kind === "text" ? ["rows", "columns", "where"] : ["measures"];
}

export function put(question: Definition, box: Box, field: Field): Definition {
  if (!boxesOf(field).includes(box)) return question;
  if (box === "measures") {
    const text = `${field.kind === "rate" ? "max" : "sum"}(${field.name})`;
    return question.measures.includes(text) ? question : { ...question, measures: [...question.measures, text] };
  }
  if (box === "where") return { ...question, where: [...question.where, field.grain === "day" ? `${field.name} >= ` : `${field.name} in `] };
  const without = { rows: question.rows.filter((one) => one !== field.name), columns: question.columns.filter((one) => one !== field.name) };
  return { ...question, ...without, [box]: [...without[box], field.name] };
}

export const replaced = (question: Definition, box: Box, at: number, text: string): Definition => ({ ...question, [box]: question[box].map((one, place) => (place === at ? text : one)) });

export function removed(question: Definition, box: Box, at: number): Definition {
  const gone = question[box][at];
  const { top, sort, ...rest } = { ...question, [box]: question[box].filter((_, place) => place !== at) };
  const keepsTop = top !== undefined && top.dimension !== gone && top.by !== gone;
  return { ...rest, ...(keepsTop ? { top } : {}), ...(sort !== undefined && sort.replace(/^-/, "") !== gone ? { sort } : {}) };
}

export function moved(question: Definition, box: Box, at: number, by: -1 | 1): Definition {
  const list = [...question[box]];
  const [one] = list.splice(at, 1);
  if (one === undefined || at + by < 0 || at + by > list.length) return question;
  list.splice(at + by, 0, one);
  return { ...question, [box]: list };
}

/** What is sent: conditions without a value ask nothing. */
export function sent(question: Definition): Definition {
  return { ...question, where: question.where.filter((one) => condition(one).value.trim() !== "") };
}

/** A name for the address and back. */
export const packed = (question: Definition): string => encodeURIComponent(JSON.stringify(sent(question)));

export function unpacked(text: string): Definition | null {
  try {
    const found = JSON.parse(decodeURIComponent(text)) as Partial<Definition>;
    return typeof found.source === "string" ? { ...EMPTY, ...found } : null;
  } catch {
    return null;
  }
}
