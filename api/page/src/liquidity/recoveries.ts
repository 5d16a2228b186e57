/** Expected recoveries: promised, received and overdue by kind, and the disposals whose dates come next. */

import { trusted } from "../board/marks";
import { h } from "../dom";
import { grouped } from "../money";
import { number, plain, table } from "../table";
import { addressOf } from "../workbench/address";
import type { Disposal, RecoveryTotal } from "./api";
import { T, shortDay, word } from "./words";

const DATES_MAX = 12;

export function totalsTable(rows: readonly RecoveryTotal[]): HTMLElement {
  return table(
    T.recoveries,
    T.recoveryHeads,
    rows.map((row) => [
      plain(word(row.kind)),
      plain(h("span", {}, row.entity, " ", trusted("recoveries", row.entity))),
      plain(row.currency),
      number(String(row.disposals)),
      ...(["promised", "received", "outstanding"] as const).map((name) => number(grouped(row[name]))),
      { content: grouped(row.overdue), isNumber: true, name: /^[0.]*$/.test(row.overdue) ? "" : "negative" },
      number(grouped(row.expected)),
    ]),
  );
}

/** Those with a date, the earliest first: what is late stands on top. */
export const nextDates = (rows: readonly Disposal[]): Disposal[] =>
  rows
    .filter(({ due_on }) => due_on !== null)
    .sort((a, b) => ((a.due_on ?? "") < (b.due_on ?? "") ? -1 : 1))
    .slice(0, DATES_MAX);

export function datesTable(rows: readonly Disposal[]): HTMLElement {
  return table(
    T.nextDates,
    T.dateHeads,
    nextDates(rows).map((row) => [
      plain(h("span", {}, shortDay(row.due_on), row.days_late > 0 ? h("span", { class: "warning" }, ` ${T.late(row.days_late)}`) : null)),
      plain(h("a", { href: addressOf(row.kind, row.case), id: `liq-disposal-${row.case}` }, `${word(row.kind)} ${row.case}`)),
      plain(word(row.stage)),
      plain(h("span", {}, row.entity, " ", trusted("recoveries", row.entity))),
      number(`${row.currency} ${grouped(row.outstanding)}`),
      number(grouped(row.expected)),
    ]),
  );
}
