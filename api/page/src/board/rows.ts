/**
 * The board's lines: rows of one grain, grouped by entity, filtered and sorted. Pure: no DOM, no network, no clock.
 *
 * A group's figures are not added up here where the server tells them: sums over branches include on-us legs, which the
 * entity's own position leaves out (decision S22).
 */

import { type Decimal, add, compare, format, negate, parse } from "../money";
import type { PositionRow } from "../wire";

export const GRAINS = ["entity", "organisation", "business_line"] as const;
export type Grain = (typeof GRAINS)[number];

export const COLUMNS = ["position", "pending_in", "pending_out", "reserved", "projected_eod", "change"] as const;
export type Column = (typeof COLUMNS)[number];
export type SortKey = "name" | "currency" | Column;

export interface Cell {
  readonly key: string;
  readonly entity: string;
  /** Of the branch or business line; of the entity itself in the grain of entities. */
  readonly name: string;
  readonly currency: string;
  row: PositionRow;
  /** Position at the end of the day before; undefined: not asked for yet. */
  opening: string | undefined;
  /** Figures as numbers that can be compared, parsed once each. */
  parsed: Map<Column, { text: string; value: Decimal }>;
}

export interface Line {
  readonly key: string;
  readonly level: 1 | 2;
  readonly cell: Cell;
  /** Of a group: whether its cells are shown. undefined: nothing is within. */
  readonly open?: boolean;
  readonly children: number;
}

export interface Choice {
  grain: Grain;
  filter: string;
  entity: string;
  currency: string;
  sort: SortKey;
  descending: boolean;
  collapsed: ReadonlySet<string>;
}

export const memberOf = (row: PositionRow, grain: Grain): string => (grain === "entity" ? row.entity : ((grain === "organisation" ? row.organisation : row.business_line) ?? "-"));

export const keyOf = (row: PositionRow, grain: Grain): string => (grain === "entity" ? `${row.entity}|${row.currency}` : `${row.entity}|${row.currency}|${memberOf(row, grain)}`);

export const groupKey = (cell: Cell): string => `${cell.entity}|${cell.currency}`;

export function cellOf(row: PositionRow, grain: Grain): Cell {
  return { key: keyOf(row, grain), entity: row.entity, name: memberOf(row, grain), currency: row.currency, row, opening: undefined, parsed: new Map() };
}

/** The text of a figure; "" where it is not known at this grain. */
export function figure(cell: Cell, column: Column): string {
  if (column !== "change") return cell.row[column] ?? "";
  if (cell.opening === undefined) return "";
  return format(add(parse(cell.row.position), negate(parse(cell.opening))));
}

function value(cell: Cell, column: Column): Decimal | null {
  const text = figure(cell, column);
  if (text === "") return null;
  const known = cell.parsed.get(column);
  if (known?.text === text) return known.value;
  const found = parse(text);
  cell.parsed.set(column, { text, value: found });
  return found;
}

const names = new Intl.Collator("en", { numeric: true });

/** -1, 0, 1; what is not known stands last whichever way it is sorted. Equal ones keep the order of their names. */
export function order(a: Cell, b: Cell, sort: SortKey, descending: boolean): number {
  const byName = names.compare(a.entity, b.entity) || names.compare(a.name, b.name) || names.compare(a.currency, b.currency);
  const turned = descending ? -1 : 1;
  if (sort === "name") return turned * byName;
  if (sort === "currency") return turned * names.compare(a.currency, b.currency) || byName;
  const [left, right] = [value(a, sort), value(b, sort)];
  if (left === null || right === null) return left === right ? byName : left === null ? 1 : -1;
  return turned * compare(left, right) || byName;
}

/** Whether every word that was typed is somewhere in the line's names. */
export function matches(cell: Cell, filter: string): boolean {
  const within = `${cell.entity} ${cell.name} ${cell.currency}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => within.includes(word));
}

/** What is shown, from top to bottom: in grains below the entity each group before its own, which a collapsed one hides. */
export function lines(groups: Iterable<Cell>, cells: Iterable<Cell>, choice: Choice): Line[] {
  const chosen = (cell: Cell): boolean => (choice.entity === "" || cell.entity === choice.entity) && (choice.currency === "" || cell.currency === choice.currency);
  const sorted = (found: Cell[]): Cell[] => found.sort((a, b) => order(a, b, choice.sort, choice.descending));
  const tops = sorted([...groups].filter(chosen));
  if (choice.grain === "entity") {
    return tops.filter((cell) => matches(cell, choice.filter)).map((cell) => ({ key: cell.key, level: 1, cell, children: 0 }));
  }
  const within = new Map<string, Cell[]>();
  for (const cell of cells) {
    if (!chosen(cell) || !matches(cell, choice.filter)) continue;
    const key = groupKey(cell);
    const found = within.get(key);
    if (found) found.push(cell);
    else within.set(key, [cell]);
  }
  const found: Line[] = [];
  for (const top of tops) {
    const inner = within.get(top.key) ?? [];
    if (inner.length === 0 && !matches(top, choice.filter)) continue;
    const open = !choice.collapsed.has(top.key);
    found.push({ key: top.key, level: 1, cell: top, open, children: inner.length });
    if (open) for (const cell of sorted(inner)) found.push({ key: cell.key, level: 2, cell, children: 0 });
  }
  return found;
}

/** Which lines are to be in the document: those in sight and a few beyond, [from, to). */
export function inSight(top_px: number, height_px: number, line_px: number, count: number, beyond = 6): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(top_px / line_px) - beyond));
  const to = Math.min(count, Math.ceil((top_px + height_px) / line_px) + beyond);
  return { from, to: Math.max(from, to) };
}

/** An SVG path of a course of figures in a box: the last at the right edge, the span of values over the whole height. */
export function spark(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return "";
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const span = most - least || 1;
  const step = width / (values.length - 1);
  return values.map((value, at) => `${at === 0 ? "M" : "L"}${(at * step).toFixed(1)} ${(height - ((value - least) / span) * height).toFixed(1)}`).join("");
}
