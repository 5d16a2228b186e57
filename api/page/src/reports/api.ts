/** What the server answers to reports. */

import { get, post, url } from "../wire";
import type { Definition, Source } from "./question";

export type Cell = string | number | null;

export interface Row {
  readonly members: readonly string[];
  readonly cells: readonly (readonly Cell[])[];
}

export interface Named {
  readonly name: string;
  readonly title: string;
  readonly title_zh: string;
}

export interface Answer {
  readonly definition: Definition;
  readonly rows: readonly Named[];
  readonly columns: readonly Named[];
  readonly measures: readonly { readonly name: string; readonly kind: string; readonly titles: readonly [string, string] }[];
  readonly column_paths: readonly (readonly string[])[];
  readonly table: readonly Row[];
  readonly missing_rates: readonly string[];
  readonly masked: boolean;
  readonly cut: { readonly as_of: string | null; readonly position: number };
  /** `trust` is missing where the answer is of a past moment. */
  readonly provenance: { readonly digest: string; readonly trust?: object };
}

export interface Behind {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, Cell | boolean>>[];
  readonly row_count: number;
}

export interface Kept {
  readonly pivot_no: string;
  readonly title: string;
  readonly maker: string;
  readonly is_own: boolean;
  readonly shared_with: readonly string[] | null;
  readonly definition: Definition;
  readonly revision: number;
  readonly schedule: { readonly every: string; readonly form: string } | null;
  readonly delivered: string | null;
}

export interface Delivery {
  readonly business_date: string;
  readonly file_name: string;
  readonly file: string;
  readonly size: number;
}

export interface Tile {
  readonly kind: "PIVOT" | "CHART" | "FIGURE" | "RATIO" | "ALERTS";
  readonly ref: string;
  readonly title: string;
  readonly chart: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Dashboard {
  readonly dashboard_no: string;
  readonly title: string;
  readonly is_own: boolean;
  readonly tiles: readonly Tile[];
}

const LONG_MS = 120_000;

export const sources = (): Promise<{ sources: readonly Source[] }> => get("/pivots/sources");
export const run = (definition: Definition): Promise<Answer> => post("/pivots/run", JSON.stringify({ definition }), {}, LONG_MS);
export const runKept = (no: string): Promise<Answer & { readonly title: string }> => get(`/pivots/${encodeURIComponent(no)}/run`, {}, LONG_MS);
export const drill = (definition: Definition, row: readonly string[], column: readonly string[], limit: number): Promise<Behind> => post("/pivots/drill", JSON.stringify({ definition, row, column, limit }), {}, LONG_MS);
export const kept = (): Promise<{ pivots: readonly Kept[] }> => get("/pivots");
export const deliveries = (no: string): Promise<{ deliveries: readonly Delivery[] }> => get(`/pivots/${encodeURIComponent(no)}/deliveries`);
export const dashboards = (): Promise<{ dashboards: readonly Dashboard[] }> => get("/dashboards");

export const command = (path: string, body: object): Promise<unknown> => post(path, JSON.stringify({ cmd_id: crypto.randomUUID(), ...body }));

/** A question's answer as a file that the browser saves. */
export async function download(definition: Definition, form: string, language: string, title: string): Promise<void> {
  const answer = await fetch(url("/pivots/export"), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ definition, form, language, title }) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${title || "pivot"}.${form}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
