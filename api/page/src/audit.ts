/**
 * From a bar of the gap to its contracts, to the flows of one of them, to the formula of one flow.
 *
 * One dialog with three levels; each is fetched when it is opened. Figures come as the API sends them.
 */

import { bookingName, compareWithBar, dateName, eventName, totalOf } from "./audit-words";
import { label } from "./buckets";
import { h } from "./dom";
import { NumberCell } from "./figures";
import { grouped } from "./money";
import { total } from "./offsets";
import { said } from "./problems";
import { count, longDay } from "./time";
import {
  type ContractFlow,
  type ContractFlows,
  type GapContractRow,
  type GapContracts,
  type GapRow,
  type Offsets,
  Problem,
  get,
} from "./wire";
import { T, onWords } from "./words";

const PAGE_ROWS = 100;
const SLOW_MS = 60_000;

interface Level {
  readonly name: string;
  readonly show: () => Promise<Node[]>;
}

export class AuditPanel {
  private readonly title = h("h2", { id: "audit-title", tabindex: -1 });
  private readonly crumbs = h("ol", { class: "crumbs" });
  private readonly content = h("div", { class: "audit", tabindex: 0, role: "region", "aria-labelledby": "audit-title" });
  private readonly dialog: HTMLDialogElement;
  private path: Level[] = [];
  /** Answers to an older question than the newest are dropped. */
  private asked = 0;

  constructor() {
    const close = h("button", { type: "button", class: "plain", onclick: () => this.dialog.close() });
    const path = h("nav", {}, this.crumbs);
    const name = (): void => {
      close.textContent = T.close;
      path.setAttribute("aria-label", T.whereYouAre);
    };
    name();
    onWords(name);
    this.dialog = h("dialog", { id: "audit", class: "wide", "aria-labelledby": "audit-title" });
    this.dialog.append(h("header", {}, this.title, close), path, this.content);
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // the backdrop
    });
    this.dialog.addEventListener("close", () => {
      this.asked++;
      this.content.replaceChildren();
    });
    document.body.append(this.dialog);
  }

  /** Opens the contracts behind `bar`, as it stood at `offsets` on `day`. */
  open(bar: GapRow, offsets: Offsets, day: string | null): void {
    this.path = [];
    if (!this.dialog.open) this.dialog.showModal();
    const name = `${label(bar.bucket)} · ${bar.entity} · ${bar.currency}`;
    this.go({ name, show: () => this.contracts(bar, offsets, day) });
  }

  private go(level: Level): void {
    this.path.push(level);
    this.render();
  }

  private back(depth: number): void {
    this.path.length = depth + 1;
    this.render();
  }

  private render(): void {
    const level = this.path.at(-1);
    if (!level) return;
    this.title.textContent = level.name;
    this.crumbs.hidden = this.path.length === 1;
    this.crumbs.replaceChildren(
      ...this.path.map((step, depth) => {
        if (step === level) return h("li", {}, h("span", { "aria-current": "page" }, step.name));
        const button = h("button", { type: "button", class: "link", onclick: () => this.back(depth) }, step.name);
        return h("li", {}, button);
      }),
    );
    const asked = ++this.asked;
    this.content.replaceChildren(h("p", { class: "quiet", role: "status" }, T.loading));
    level
      .show()
      .catch((error: unknown) => [h("p", { class: "failed", role: "alert" }, problemText(error))])
      .then((nodes) => {
        if (asked !== this.asked) return;
        this.content.replaceChildren(...nodes);
        this.content.scrollTop = 0;
        this.content.querySelector("tr.selected")?.scrollIntoView({ block: "center" });
        this.title.focus();
      });
  }

  // -- the contracts behind a bar

  private async contracts(bar: GapRow, offsets: Offsets, day: string | null): Promise<Node[]> {
    const { entity, currency, bucket } = bar;
    const query = { entity, currency, bucket, flows: "false", limit: String(PAGE_ROWS) };
    const first = await get<GapContracts>("/gap/contracts", query, SLOW_MS);
    const sum = totalOf(first, entity, currency);
    const finding = compareWithBar(first, bar, offsets, day);
    const body = h("tbody");
    const add = (rows: readonly GapContractRow[]): void => body.append(...rows.map((row) => this.contractLine(row, bucket)));
    add(first.rows);
    const head = T.contractHeads;
    const more = h("button", { type: "button", class: "plain more" }, T.more);
    let next = first.next;
    more.hidden = next === null;
    more.addEventListener("click", () => {
      if (next === null || more.disabled) return;
      more.disabled = true;
      // The further pages of the same cut, lest a contract stand on two of them or on none.
      const page = { ...query, start: String(next), at_offsets: JSON.stringify(first.offsets) };
      get<GapContracts>("/gap/contracts", page, SLOW_MS)
        .then((answer) => {
          add(answer.rows);
          next = answer.next;
          more.hidden = next === null;
        })
        .catch((error: unknown) => more.after(h("p", { class: "failed", role: "alert" }, problemText(error))))
        .finally(() => (more.disabled = false));
    });
    const amounts = T.amounts(grouped(sum.inflow), grouped(sum.outflow), grouped(sum.gap));
    const counted = T.counted(count(sum.distinct_contracts), count(sum.contracts));
    return [
      h("p", {}, h("b", {}, amounts)),
      h("p", { class: finding.kind === "equal" ? "quiet" : "warning", id: "audit-sum" }, finding.text),
      h("p", { class: "quiet" }, counted + cutText(first.offsets, first.as_of)),
      first.rows.length > 0 ? figuresTable(T.contractsCaption, head, 3, body) : h("p", {}, T.noFlows),
      more,
    ];
  }

  private contractLine(row: GapContractRow, bucket: string): HTMLTableRowElement {
    const open = (): void =>
      this.go({ name: row.contract_id, show: () => this.flows(row.entity, row.contract_id, bucket) });
    const button = h("button", { type: "button", class: "link", onclick: open }, row.contract_id);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, button),
      h("td", {}, row.product),
      h("td", {}, row.organisation),
      amountCell("inflow", row.inflow),
      amountCell("outflow", row.outflow),
      amountCell("gap", row.gap),
      h("td", { class: "number" }, count(row.flow_dates)),
    );
  }

  // -- the flows of a contract

  private async flows(entity: string, contract_id: string, bucket: string): Promise<Node[]> {
    const path = `/contracts/${encodeURIComponent(entity)}/${encodeURIComponent(contract_id)}/flows`;
    const answer = await get<ContractFlows>(path, {}, SLOW_MS);
    const body = h("tbody");
    for (const [at, flow] of answer.flows.entries()) {
      const name = `${dateName(flow.flow_date)}, ${flow.event_type ?? T.flow}`;
      const open = (): void => this.go({ name, show: () => this.flow(path, answer, at) });
      const button = h("button", { type: "button", class: "link", onclick: open }, dateName(flow.flow_date));
      const here = flow.in_gap && flow.bucket === bucket;
      const place = flow.booked === null ? "–" : flow.in_gap ? label(flow.bucket ?? "–") : T.paid;
      body.append(
        h(
          "tr",
          { class: here ? "selected" : false },
          h("th", { scope: "row" }, button),
          h("td", {}, eventName(flow.event_type)),
          h("td", { class: "number" }, flow.payoff ?? "–"),
          flow.booked === null ? h("td", { class: "number quiet" }, "–") : amountCell("booked", flow.booked),
          h("td", {}, here ? T.thisFigure(place) : place),
        ),
      );
    }
    const { record } = answer;
    const offset = record.offset === null ? T.further : T.offset(count(record.offset));
    const terms = h("dl", { class: "facts" });
    for (const [name, value] of Object.entries(answer.terms)) {
      terms.append(h("dt", {}, name), h("dd", {}, typeof value === "string" ? value : JSON.stringify(value)));
    }
    const kind = `${answer.terms["contractType"] ?? ""} · ${answer.side} · ${answer.product} · ${answer.organisation}`;
    return [
      h("p", {}, h("b", {}, kind)),
      h("p", { class: "quiet" }, T.record(`${record.topic}/${record.partition}`, offset) + cutText(answer.offsets, answer.as_of)),
      h("details", {}, h("summary", {}, T.terms), terms),
      figuresTable(T.flowsCaption, T.flowHeads, 2, body, 2),
    ];
  }

  // -- the formula of a flow

  private async flow(path: string, seen: ContractFlows, at: number): Promise<Node[]> {
    const chosen = seen.flows[at];
    if (!chosen) return [];
    const dated = /^\d/.test(chosen.flow_date);
    const query = { explain: "true", ...(dated && { from: chosen.flow_date, to: chosen.flow_date }) };
    const answer = await get<ContractFlows>(path, query, SLOW_MS);
    // Several events may fall on one day; they keep their order.
    const twins = (flow: ContractFlow): boolean =>
      flow.flow_date === chosen.flow_date && flow.event_type === chosen.event_type;
    const rank = seen.flows.slice(0, at).filter(twins).length;
    const flow = answer.flows.filter(twins)[rank];
    if (!flow) return [h("p", { class: "warning" }, T.flowGone)];
    const parts: Node[] = [
      h("p", {}, h("b", {}, `${eventName(flow.event_type)} · ${flow.booked === null ? "–" : grouped(flow.booked)} ${flow.currency}`)),
      h("p", { id: "audit-booking" }, bookingName(flow)),
    ];
    const why = flow.explanation;
    if (!why) return parts;
    const formulas = h("ol", { class: "formulas" });
    for (const line of why.formulas) {
      formulas.append(
        h(
          "li",
          {},
          h("code", {}, `${line.target} = ${line.formula}`),
          h("code", { class: "numbers" }, `= ${line.numbers}`),
          h("code", { class: "result" }, `= ${line.result}`),
          line.source !== "" && h("span", { class: "quiet" }, line.source),
        ),
      );
    }
    const states = h("tbody");
    for (const [symbol, before] of Object.entries(why.before)) {
      states.append(h("tr", {}, h("th", { scope: "row" }, symbol), h("td", {}, before), h("td", {}, why.after[symbol] ?? "")));
    }
    parts.push(
      h("p", { id: "audit-source" }, why.source),
      h("h3", {}, T.formulas),
      formulas,
      h("h3", {}, T.states),
      figuresTable(T.statesCaption, T.stateHeads, 9, states),
    );
    return parts;
  }
}

function figuresTable(
  caption: string,
  heads: readonly string[],
  numbersFrom: number,
  body: HTMLElement,
  numbers = heads.length - numbersFrom,
): HTMLElement {
  const cells = heads.map((name, at) => {
    const number = at >= numbersFrom && at < numbersFrom + numbers;
    return h("th", { scope: "col", class: number ? "number" : false }, name);
  });
  const head = h("thead", {}, h("tr", {}, ...cells));
  const table = h("table", { class: "figures" }, h("caption", { class: "visually-hidden" }, caption), head, body);
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": caption }, table);
}

function amountCell(name: string, text: string): HTMLTableCellElement {
  const cell = new NumberCell(name);
  cell.set(text);
  return cell.element;
}

function cutText(offsets: Offsets, as_of: string | null | undefined): string {
  return T.readAt(count(total(offsets)), Object.keys(offsets).length, as_of ? longDay(as_of) : null);
}

function problemText(error: unknown): string {
  return error instanceof Problem ? T.failed(said(error)) : String(error);
}
