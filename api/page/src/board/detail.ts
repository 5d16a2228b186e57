/** What is behind a line of the board: its largest accounts, and the entries that moved it in the last minute. */

import { addressOf } from "../auditor/address";
import { h } from "../dom";
import { compare, grouped, parse } from "../money";
import { said } from "../problems";
import { number, plain, table } from "../table";
import { type Positions, Problem, type Query, get } from "../wire";
import type { Cell, Grain } from "./rows";
import { T } from "./words";

const ACCOUNTS_MAX = 50;
const MINUTE_MS = 60_000;

interface Part {
  cause: string;
  amount: string;
  entries: number;
  /** Its own id; null where several are told together. */
  entry?: string | null;
  /** topic/partition */
  place?: string | null;
  offset?: number | null;
}

interface Changes {
  rows: { entity: string; currency: string; parts: Part[] }[];
}

export class Detail {
  private readonly title = h("h2", { id: "board-detail-title", tabindex: -1 });
  private readonly accounts = h("div");
  private readonly entries = h("div");
  private readonly closer = h("button", { type: "button", class: "plain", onclick: () => this.dialog.close() });
  readonly dialog = h("dialog", { "aria-labelledby": "board-detail-title", class: "board-detail" }, h("header", {}, this.title, this.closer), h("div", { class: "scroll" }, this.entries, this.accounts));
  private question = 0;

  constructor() {
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  open(cell: Cell, grain: Grain, isGroup: boolean): void {
    const member = isGroup || grain === "entity" ? {} : { [grain]: cell.name };
    const query: Query = { entity: cell.entity, currency: cell.currency, ...member };
    this.title.textContent = T.detail([cell.entity, isGroup || grain === "entity" ? "" : cell.name, cell.currency].filter(Boolean).join(" · "));
    this.closer.textContent = T.close;
    this.question += 1;
    const { question } = this;
    const isAsked = (): boolean => question === this.question;
    this.dialog.showModal();
    void this.fill(this.accounts, T.accounts, isAsked, () => this.largest(query));
    void this.fill(this.entries, T.entries, isAsked, () => this.newest(query));
  }

  private async fill(box: HTMLElement, heading: string, isAsked: () => boolean, ask: () => Promise<HTMLElement>): Promise<void> {
    box.replaceChildren(h("h3", {}, heading), h("p", { class: "quiet" }, T.loading));
    let found: HTMLElement;
    try {
      found = await ask();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      found = h("p", { class: "warning" }, T.failed(said(error)));
    }
    if (isAsked()) box.replaceChildren(h("h3", {}, heading), found);
  }

  private async largest(query: Query): Promise<HTMLElement> {
    const { rows } = await get<Positions>("/positions", { ...query, by: "entity,organisation,currency,account" });
    if (rows.length === 0) return h("p", { class: "empty" }, T.noAccounts);
    const size = (text: string): ReturnType<typeof parse> => parse(text.replace(/^-/, ""));
    const sorted = [...rows].sort((a, b) => compare(size(b.position), size(a.position))).slice(0, ACCOUNTS_MAX);
    const left = rows.length - sorted.length;
    const box = table(T.accounts, [T.account, T.heads["position"] ?? "", T.heads["pending_in"] ?? "", T.heads["pending_out"] ?? ""], sorted.map((row) => [plain(row.account ?? "-"), number(grouped(row.position)), number(grouped(row.pending_in ?? "0")), number(grouped(row.pending_out ?? "0"))]));
    return h("div", {}, box, h("p", { class: "quiet" }, [T.fromSnapshot, left > 0 ? T.more(left) : ""].filter(Boolean).join(", ")));
  }

  private async newest(query: Query): Promise<HTMLElement> {
    const since = new Date(Date.now() - MINUTE_MS).toISOString();
    const { rows } = await get<Changes>("/positions/changes", { ...query, from_time: since, limit: "50" }, 30_000);
    const parts = rows.flatMap((row) => row.parts).filter(({ cause, entries }) => cause === "ENTRY" && entries > 0);
    if (parts.length === 0) return h("p", { class: "empty" }, T.noEntries);
    const link = ({ place, offset }: Part): Node | string =>
      place == null || offset == null ? "–" : h("a", { href: addressOf("trace", ["entry", ...place.split("/"), String(offset)]) }, `${place}/${offset}`);
    return table(T.entries, [T.entry, T.amount, T.place], parts.map((part) => [plain(part.entry ?? T.together(part.entries)), number(grouped(part.amount)), plain(link(part))]));
  }
}
