/** What each tile shows. A tile that shows figures shows the trust in them too. */

import type { LimitRow, RatioRow, Ratios, Rows } from "../liquidity/api";
import { isChosen, limitsOf } from "../liquidity/rows";
import { type AnySource, Source } from "../liquidity/source";
import { h } from "../dom";
import { live } from "../live";
import { percentage } from "../limit-facts";
import { grouped } from "../money";
import { label } from "../buckets";
import { said } from "../problems";
import { BOARD, LIQUIDITY, OPERATIONS, WORKBENCH } from "../rooms";
import { type Cell, number, plain, table } from "../table";
import { clock } from "../time";
import { because, trusted } from "../board/marks";
import { T, word } from "../board/words";
import { addressOf } from "../workbench/address";
import { severityMark } from "../severity";
import type { WidgetName } from "./layout";

const ROWS_MAX = 8;
const EVERYTHING = { by: "", entity: "", currency: "" } as const;

interface Todo {
  id: string;
  key: string;
  state?: string;
  amount?: string | null;
  ccy?: string | null;
  due?: string | null;
}

interface WorkHome {
  todos: { total: number; rows: Todo[] };
}

export interface TileContent {
  /** Where more of it is. */
  readonly room: string;
  readonly draw: () => HTMLElement[];
  /** Asked for while the tile is in sight. */
  readonly sources?: readonly Pick<AnySource, "look">[];
}

/** What the store holds, once it holds a first state: before, nothing can be said. */
const known = (draw: () => HTMLElement[]): HTMLElement[] => (live.store.meta === null ? [h("p", { class: "quiet home-note" }, T.loading)] : draw());

function listed(caption: string, heads: readonly string[], rows: readonly (readonly Cell[])[], none = T.nothing): HTMLElement[] {
  if (rows.length === 0) return [h("p", { class: "empty" }, none)];
  const shown = rows.slice(0, ROWS_MAX);
  const left = rows.length - shown.length;
  return [table(caption, heads, shown), ...(left > 0 ? [h("p", { class: "quiet home-more" }, T.more(left))] : [])];
}

/** The tile's rows under the mark of what all of them stand on. */
const under = (figure: string, rows: readonly HTMLElement[]): HTMLElement[] => [h("p", { class: "quiet home-note" }, trusted(figure)), ...rows];

const asked = <V>(source: Source<V>, draw: (value: V) => HTMLElement[]): HTMLElement[] => {
  if (source.value !== null) return draw(source.value);
  const { failure } = source;
  return [h("p", { class: failure ? "warning home-note" : "quiet home-note" }, failure ? T.failed(said(failure)) : T.loading)];
};

const head = (name: string): string => T.heads[name] ?? name;
const scopeOf = (row: Pick<RatioRow, "scope" | "entity" | "currency">): string => (row.scope === "group" ? T.group : row.scope === "entity" ? row.entity : `${row.entity} ${row.currency}`);

export function contents(onNews: () => void): Readonly<Record<WidgetName, TileContent>> {
  const ratios = new Source<Ratios>("/ratios", 5_000, onNews);
  const limits = new Source<Rows<LimitRow>>("/limits", 5_000, onNews);
  const work = new Source<WorkHome>("/worklists/home", 15_000, onNews);
  /** How many limits are held against the ratios; only those in trouble are listed by the server. */
  const watched = (): number => limitsOf((ratios.value?.rows ?? []).filter((row) => isChosen(row, EVERYTHING)), [], []).length;
  return {
    positions: { room: BOARD, draw: () => known(positions) },
    ratios: { room: LIQUIDITY, sources: [ratios], draw: () => asked(ratios, ratioRows) },
    limits: {
      room: LIQUIDITY,
      sources: [limits, ratios],
      draw: () => asked(limits, ({ rows }) => listed(T.widgets["limits"] ?? "", [T.limit, T.scope, T.light, T.trustTitle], rows.map((row) => [plain(row.limit_id), plain(scopeOf(row)), plain(`${row.light === "red" ? "■" : "▲"} ${T.lights[row.light]}`, `home-${row.light}`), plain(trusted("limits", row.scope === "group" ? "" : row.entity))]), `✓ ${T.noBreach(watched())}`)),
    },
    alerts: {
      room: "#/",
      draw: () => known(() => under("alerts", listed(T.widgets["alerts"] ?? "", [T.severity, T.time, T.rule, T.entity, T.amount], live.store.alerts.map((alert) => [plain(severityMark(alert.severity, T.severities)), plain(clock(alert.event_time)), plain(word(alert.rule.replaceAll("-", "_"))), plain(`${alert.entity} ${alert.currency}`), number(grouped(alert.rolling ?? alert.amount))])))),
    },
    todos: {
      room: WORKBENCH,
      sources: [work],
      draw: () => asked(work, ({ todos }) => under("ledgers", listed(T.widgets["todos"] ?? "", [T.task, T.state, T.amount], todos.rows.map((row) => [plain(h("a", { href: addressOf(row.id.split("/")[0] ?? "", row.key) }, `${word(row.id.split("/")[0] ?? "")} ${row.key}`)), plain(word(row.state ?? "")), number(row.amount ? `${grouped(row.amount)} ${row.ccy ?? ""}` : "")])))),
    },
    gap: { room: LIQUIDITY, draw: () => known(gap) },
    trust: {
      room: OPERATIONS,
      draw: () => {
        const doubtful = (live.trust.told?.sources ?? []).filter(({ state }) => state !== "FRESH");
        if (live.trust.told === null) return [h("p", { class: "quiet home-note" }, T.loading)];
        if (doubtful.length === 0) return [h("p", { class: "home-note" }, `✓ ${T.allFresh}`)];
        return [h("ul", { class: "home-list" }, ...doubtful.slice(0, ROWS_MAX).map((source) => h("li", {}, `${T.trust[source.state]} · ${because(source)}`))), ...(doubtful.length > ROWS_MAX ? [h("p", { class: "quiet home-more" }, T.more(doubtful.length - ROWS_MAX))] : [])];
      },
    },
  };
}

function positions(): HTMLElement[] {
  const rows = live.store.inView();
  return listed(T.widgets["positions"] ?? "", [T.entity, head("currency"), head("position"), head("projected_eod"), T.trustTitle], rows.map((row) => [plain(row.entity), plain(row.currency), number(grouped(row.position)), number(row.projected_eod ? grouped(row.projected_eod) : "–"), plain(trusted("positions", row.entity))]));
}

function ratioRows({ rows }: Ratios): HTMLElement[] {
  const scopes = new Map<string, { lcr?: RatioRow; nsfr?: RatioRow; any: RatioRow }>();
  for (const row of rows) {
    if (row.scope !== "group" && row.scope !== "entity") continue;
    const key = scopeOf(row);
    scopes.set(key, { ...scopes.get(key), any: row, [row.figure]: row });
  }
  const shown = (row: RatioRow | undefined): string => (row?.ratio_pct ? percentage(row.ratio_pct) : "–");
  return listed(T.widgets["ratios"] ?? "", [T.scope, "LCR", "NSFR", T.trustTitle], [...scopes].map(([name, { lcr, nsfr, any }]) => [plain(name), number(shown(lcr)), number(shown(nsfr)), plain(trusted("consolidated-lcr", any.scope === "group" ? "" : any.entity))]));
}

function gap(): HTMLElement[] {
  const { scope, gap: cells, buckets } = live.store;
  const rows = scope === null ? undefined : cells.get(`${scope.entity}|${scope.currency}`);
  if (scope === null || rows === undefined) return [h("p", { class: "empty" }, T.nothing)];
  const found = buckets.flatMap((bucket) => rows.get(bucket) ?? []);
  const name = h("p", { class: "quiet home-note" }, `${scope.entity} · ${scope.currency} `, trusted("gap", scope.entity));
  return [name, ...listed(T.widgets["gap"] ?? "", [T.bucket, T.gap, T.cumulative], found.map((row) => [plain(label(row.bucket)), number(grouped(row.gap)), number(row.cumulative === null ? "–" : grouped(row.cumulative))]))];
}
