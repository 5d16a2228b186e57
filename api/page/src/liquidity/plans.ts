/** Open breaches and plans, and one plan in full: what to draw, sell and pledge, at what cost, what it leaves, what else was tried. */

import { trusted } from "../board/marks";
import { text } from "../calculations/api";
import { exact } from "../calculations/drawing";
import { h } from "../dom";
import { edges } from "../limit-facts";
import { grouped } from "../money";
import { LIQUIDITY } from "../rooms";
import { type Cell, number, plain, table } from "../table";
import { url } from "../wire";
import { addressOf } from "../workbench/address";
import type { Breach, Plan } from "./api";
import { caseValue } from "./limits";
import { T, shortDay, word } from "./words";

const PLANS = `${LIQUIDITY}/plans`;

/** The plan that an address of this room names. */
export function planOf(hash: string): string | null {
  if (!hash.startsWith(`${PLANS}/`)) return null;
  try {
    return decodeURIComponent(hash.slice(PLANS.length + 1)) || null;
  } catch {
    return null; // typed by hand
  }
}

const stage = (state: string): string => T.stages[state] ?? word(state);
/** Whose figures, and whether they can be trusted now. */
const ofEntity = (entity: string): HTMLElement => h("span", {}, entity, " ", trusted("limits", entity));
const money = (amount: string | null): Cell => number(amount === null ? "–" : grouped(amount));

export function breachesTable(breaches: readonly Breach[]): HTMLElement {
  return table(
    T.openBreaches,
    T.breachHeads,
    breaches.map((one) => [
      plain(h("a", { href: addressOf("LimitBreach", one.breach_no), id: `liq-breach-${one.breach_no}` }, one.breach_no)),
      plain(stage(one.state)),
      plain(`${T.metrics[one.metric] ?? one.metric} ${edges(one.metric, one.minimum, one.maximum)}`),
      plain(ofEntity(one.entity)),
      number(caseValue(one.metric, one.last_value)),
      number(caseValue(one.metric, one.worst_value)),
      plain(one.owner),
      plain(shortDay(one.deadline)),
    ]),
  );
}

export function plansTable(plans: readonly Plan[], chosen: string | null): HTMLElement {
  return table(
    T.openPlans,
    T.planHeads,
    plans.map((one) => [
      plain(h("a", { href: `${PLANS}/${encodeURIComponent(one.plan_no)}`, id: `liq-plan-${one.plan_no}`, "aria-current": one.plan_no === chosen ? "true" : undefined }, one.plan_no)),
      plain(`${stage(one.state)}${one.mode === "DRILL" ? ` · ${T.drill}` : ""}`),
      plain(ofEntity(one.entity)),
      plain(one.trigger_reason, "liq-long"),
      number(`${one.ccy} ${grouped(one.shortfall)}`),
      money(one.cost),
      money(one.residual),
    ]),
  );
}

export function planInFull(plan: Plan): HTMLElement {
  const title = h("h4", { id: "liq-plan-title", tabindex: -1 }, `${T.plan(plan.plan_no)} · ${stage(plan.state)}${plan.mode === "DRILL" ? ` · ${T.drill}` : ""}`);
  const strategy = (name: string): string => T.strategies[name] ?? word(name);
  const figures: readonly (readonly [string, string])[] = [
    ...(["shortfall", "need", "planned", "residual", "cost"] as const).map((name) => [name, `${plan.ccy} ${grouped(plan[name])}`] as const),
    ["restored_on", plan.restored_on === null ? T.notRestored : plan.restored_on],
    ["strategy", strategy(plan.strategy)],
  ];
  const facts = h("dl", { class: "facts" }, ...figures.flatMap(([name, value]) => [h("dt", {}, T.planFigures[name] ?? name), h("dd", {}, value)]));
  const lines = plan.lines.map((line) => [
    plain(T.actions[line.action] ?? word(line.action)),
    plain(line.source, "liq-long"),
    number(String(line.gate)),
    money(line.planned),
    money(line.executed),
    plain(shortDay(line.order_by)),
    plain(shortDay(line.needed_on)),
    number(rate(line.rate)),
    plain(line.securities ?? "–", "liq-long"),
    money(line.market_value),
  ]);
  const ranking = plan.ranking.map((one) => [
    number(String(one.rank)),
    plain(`${strategy(one.strategy)}${one.strategy === plan.strategy ? ` · ${T.chosen}` : ""}`),
    money(one.uncovered),
    money(one.cost_in_horizon),
  ]);
  return h(
    "article",
    { class: "liq-plan", "aria-labelledby": "liq-plan-title" },
    title,
    h("p", {}, plan.trigger_reason, " ", trusted("limits", plan.entity)),
    facts,
    h("h5", {}, T.lines),
    table(T.lines, T.lineHeads, lines),
    h("h5", {}, T.ranking),
    table(T.ranking, T.rankHeads, ranking),
    h(
      "p",
      { class: "liq-links" },
      h("a", { href: addressOf("ContingencyPlan", plan.plan_no), id: "liq-plan-decide" }, T.inWorkbench),
      h("a", { href: url(`/plans/${encodeURIComponent(plan.plan_no)}`), id: "liq-plan-json" }, T.asJson),
      h("a", { href: LIQUIDITY, id: "liq-plan-close" }, T.close),
    ),
  );
}

/** A yearly rate, sent as a fraction. */
function rate(sent: string): string {
  const digits = /^(-?[0-9]+)\.([0-9]+)$/.exec(text(sent));
  if (!digits) return exact(text(sent));
  const moved = `${digits[1]}${digits[2]!.padEnd(2, "0").slice(0, 2)}`.replace(/^(-?)0+(?=[0-9])/, "$1");
  const rest = digits[2]!.slice(2);
  return `${exact(rest === "" ? moved : `${moved}.${rest}`)}%`;
}
