/** Who can break us now: for each limit the smallest set of depositors whose leaving breaks it, named as the server names them. */

import { trusted } from "../board/marks";
import { h } from "../dom";
import { percentage } from "../limit-facts";
import { grouped } from "../money";
import { type Cell, number, plain, table } from "../table";
import type { Breaking } from "./api";
import { T, scopeName } from "./words";

const RANK: Readonly<Record<Breaking["status"], number>> = { broken: 0, breakable: 1, unbreakable: 2, not_computable: 3 };

/** The limits that are nearest to break first: broken ones, then by how few have to leave. */
export const nearestFirst = (rows: readonly Breaking[]): Breaking[] =>
  [...rows].sort((a, b) => RANK[a.status] - RANK[b.status] || (a.count ?? Infinity) - (b.count ?? Infinity));

export function breakingTable(rows: readonly Breaking[]): HTMLElement {
  return table(T.breaking, T.breakingHeads, nearestFirst(rows).map(line));
}

function line(row: Breaking): Cell[] {
  const isAmount = row.figure === "available_position";
  const shown = (text: string | null): string => (text === null ? "–" : isAmount ? grouped(text) : percentage(text));
  return [
    plain(row.limit_id),
    plain(T.metrics[row.figure] ?? row.figure),
    plain(h("span", {}, scopeName(row), " ", trusted("limits", row.scope === "group" ? "" : row.entity))),
    number(shown(row.value)),
    number(shown(row.minimum)),
    plain(who(row)),
    number(row.amount === null || row.status !== "breakable" ? "–" : `${row.currency} ${grouped(row.amount)}`),
    number(row.share_pct === null || row.status !== "breakable" ? "–" : percentage(row.share_pct)),
  ];
}

function who(row: Breaking): Node | string {
  if (row.status !== "breakable" || row.count === null) return h("span", { class: row.status === "broken" ? "liq-light red" : "quiet", title: row.reason }, T.statuses[row.status] ?? row.status);
  const names = row.depositors.map((one) => h("li", {}, h("span", {}, `${one.customer} · ${one.entity}`), h("span", { class: "number" }, grouped(one.amount))));
  const id = `liq-leave-${row.figure}-${row.limit_id}-${row.scope}-${row.entity}-${row.currency}`;
  return h("details", { id }, h("summary", { id: `${id}-open` }, T.depositors(row.count)), h("p", { class: "quiet" }, T.largest(row.depositors.length, row.count)), h("ol", {}, ...names));
}
