/** What a reader chose on the board, kept by the browser. */

import { COLUMNS, type Choice, type Column, GRAINS, type Grain, type SortKey } from "./rows";

export interface Kept extends Choice {
  columns: Column[];
  collapsed: Set<string>;
}

const KEPT_AS = "tidemark.board";
const SORTS: readonly string[] = ["name", "currency", ...COLUMNS];

/** What was kept, as far as it still makes sense: an older page may have kept something else. */
export function restored(text: string | null): Kept {
  let told: Record<string, unknown> = {};
  try {
    const found: unknown = JSON.parse(text ?? "{}");
    if (typeof found === "object" && found !== null) told = found as Record<string, unknown>;
  } catch {
    // not ours
  }
  const word = (name: string): string => (typeof told[name] === "string" ? told[name] : "");
  const list = (name: string): string[] => (Array.isArray(told[name]) ? told[name].filter((one): one is string => typeof one === "string") : []);
  const columns = COLUMNS.filter((column) => list("columns").includes(column));
  return {
    grain: GRAINS.find((one) => one === word("grain")) ?? ("organisation" satisfies Grain),
    entity: word("entity"),
    currency: word("currency"),
    filter: word("filter"),
    sort: SORTS.includes(word("sort")) ? (word("sort") as SortKey) : "name",
    descending: told["descending"] === true,
    columns: columns.length > 0 ? columns : [...COLUMNS],
    collapsed: new Set(list("collapsed")),
  };
}

export const kept = (): Kept => restored(localStorage.getItem(KEPT_AS));

export function keep(choice: Kept): void {
  localStorage.setItem(KEPT_AS, JSON.stringify({ ...choice, collapsed: [...choice.collapsed] }));
}
