/** The days ahead (expected and worst) and money between branches: what the desktop shows beside the tasks. */

import { trusted } from "../board/marks";
import { Chart, axisStyle, legend, moneyAxis, tip, tooltip } from "../charts";
import { h } from "../dom";
import { grouped, toPixels } from "../money";
import { number, plain, table } from "../table";
import { clock } from "../time";
import type { Dispatch, Forecast, ForecastDay, Lacking, Proposal } from "./api";
import { T, state } from "./words";

/** Treasury proposes; treasury or the committee decides. The server judges, these only offer. */
export interface Who {
  actor: string;
  roles: readonly string[];
}

export interface Drawn {
  nodes: Node[];
  chart: Chart | null;
}

export function forecastOf(forecast: Forecast, currency: string): Drawn {
  const days = forecast.days.filter(({ ccy, organisation }) => ccy === currency && organisation === null);
  const notes = [forecast.history_from === null ? T.noHistoryYet : T.historyFrom(forecast.history_from), ...forecast.hit_rates.filter(({ ccy }) => ccy === currency).map(({ hit_rate_pct }) => T.hitRate(hit_rate_pct))];
  const about = h("p", { class: "quiet" }, `${notes.join(" · ")} `, trusted("withdrawals", "", forecast.offsets));
  if (days.length === 0) return { nodes: [h("p", { class: "empty" }, T.noneOpen), about], chart: null };
  const [first, worst] = [days[0], [...days].sort((a, b) => toPixels(b.worst) - toPixels(a.worst))[0]] as [ForecastDay, ForecastDay];
  const summary = T.chart(first.date, `${currency} ${grouped(first.expected)}`, worst.date, `${currency} ${grouped(worst.worst)}`);
  const box = h("div", { class: "wd-plot", role: "img", "aria-label": summary });
  const chart = new Chart(box, (colours) => ({
    animation: false,
    legend: legend(colours),
    grid: { left: 8, right: 12, top: 30, bottom: 6, containLabel: true },
    tooltip: { ...tooltip(colours), formatter: (asked: unknown) => tipOf(days, asked) },
    xAxis: { ...axisStyle(colours), type: "category", data: days.map(({ date }) => date.slice(5)) },
    yAxis: moneyAxis(colours),
    series: [
      { name: T.expected, type: "bar", barMaxWidth: 22, itemStyle: { color: colours.gap }, data: days.map(({ expected }) => toPixels(expected)) },
      { name: T.worst, type: "bar", barMaxWidth: 22, itemStyle: { color: colours.outflow }, data: days.map((day) => toPixels(day.worst)) },
    ],
  }));
  const rows = days.map((day) => [plain(day.date), number(grouped(day.expected)), number(grouped(day.worst)), number(grouped(day.base))]);
  return { nodes: [h("p", { class: "summary" }, summary), box, table(`${T.forecast}, ${currency}`, [T.day, T.expected, T.worst, T.base], rows), about], chart };
}

function tipOf(days: readonly ForecastDay[], asked: unknown): HTMLElement {
  const at = (asked as readonly { dataIndex: number }[])[0]?.dataIndex ?? 0;
  const day = days[at];
  return tip(day?.date ?? "", day ? [[T.expected, grouped(day.expected)], [T.worst, grouped(day.worst)], [T.base, grouped(day.base)]] : []);
}

/** The transfers of a plan or a proposal. */
export function transfersOf(one: Lacking, title: string): HTMLElement {
  return table(title, T.transferHeads, one.transfers.map((transfer) => [plain(transfer.source), plain(transfer.destination), number(grouped(transfer.amount)), number(transfer.cost_bp)]));
}

export function dispatchOf(dispatch: Dispatch, { actor, roles }: Who, propose: (one: Lacking) => void, decide: (one: Proposal, act: "approve" | "reject") => void): Node[] {
  const plans = dispatch.lacking.map((one) => {
    const moves = one.transfers.length > 0;
    const title = T.lacking(one.entity, one.ccy);
    const left = Object.entries(one.uncovered).map(([node, amount]) => `${node} ${T.uncovered(grouped(amount))}`);
    const ask = h("button", { type: "button", class: "plain wd-propose", id: `wd-propose-${one.entity}-${one.ccy}`, onclick: () => propose(one) }, T.propose);
    return h("section", { class: "wd-plan" }, h("h4", {}, title, " ", trusted("positions", one.entity, dispatch.offsets)), moves ? transfersOf(one, title) : null, left.length > 0 ? h("p", { class: "quiet" }, left.join(" · ")) : null, moves && roles.includes("TR") ? ask : null);
  });
  const proposals = dispatch.proposals.map((one) => {
    const isMine = one.state === "PROPOSED" && !one.makers.includes(actor) && (roles.includes("TR") || roles.includes("AC"));
    const act = (name: "approve" | "reject"): HTMLElement => h("button", { type: "button", class: "plain", id: `wd-${name}-${one.proposal_no}`, "aria-label": `${T[name]} ${one.proposal_no}`, onclick: () => decide(one, name) }, T[name]);
    const left = Object.values(one.uncovered ?? {});
    return [plain(one.proposal_no), plain(state(one.state)), plain(h("span", {}, one.entity, " ", trusted("positions", one.entity, dispatch.offsets))), number(`${one.ccy} ${grouped(one.moved)}`), number(left.map(grouped).join(", ") || "–"), plain(`${clock(one.valid_until, "")} UTC`), plain(isMine ? h("span", { class: "wd-acts" }, act("approve"), act("reject")) : "")];
  });
  return [
    ...(plans.length > 0 ? plans : [h("p", { class: "empty" }, T.noDispatch)]),
    ...(proposals.length > 0 ? [h("h4", {}, T.proposals), table(T.proposals, T.proposalHeads, proposals)] : []),
  ];
}
