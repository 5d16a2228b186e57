/** Deliveries: where each message stands, every attempt, dead letters, sending again. */

import { Answers, empty, labelled, panel } from "../auditor/pane";
import { h } from "../dom";
import { number, plain, table } from "../table";
import { type Delivery, deliveries, delivery, replay } from "./api";
import { Said, button, select, stateOf } from "./pieces";
import { T, named, when } from "./words";

const DEAD: ReadonlySet<string> = new Set(["failed", "suspended"]);
const AGAIN: ReadonlySet<string> = new Set([...DEAD, "delivered"]);

export class DeliveriesView {
  readonly element: HTMLElement;
  private readonly answers = new Answers();
  private readonly attempts = new Answers();
  private readonly said = new Said();
  private readonly state = select(T.deliveryStates, { id: "ac-delivery-state" });
  private readonly subscription = h("input", { type: "search", id: "ac-delivery-subscription", size: 12, autocomplete: "off" });

  constructor() {
    const filters = h("form", { class: "ac-filters" }, labelled(T.stateFilter, this.state), labelled(T.subscription, this.subscription), button(T.replayAll, () => void this.again({ subscription: this.subscription.value.trim() })), this.said.element);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("change", () => this.show());
    this.element = h("div", { class: "aud-tab" }, panel("deliveries", T.deliveries, T.utc, filters, this.answers.element), this.attempts.element);
    this.show();
  }

  show(cursor?: string): void {
    const query = { state: this.state.value || undefined, subscription: this.subscription.value.trim() || undefined, cursor };
    void this.answers.ask(
      () => deliveries(query),
      ({ rows, cursor: following }) => [rows.length === 0 ? empty(T.noDeliveries) : table(T.deliveries, T.deliveryHeads, rows.map((row) => this.row(row))), following === null ? null : button(T.more, () => this.show(following))],
    );
  }

  private row(row: Delivery): ReturnType<typeof plain>[] {
    const name = `${row.subscription} ${when(row.due_at)}`;
    const open = button(T.attempts, () => this.open(row.delivery_id), { "aria-label": `${T.attempts}: ${name}` });
    const send = AGAIN.has(row.state) && row.kept ? button(T.replay, () => void this.again({ ids: [row.delivery_id], subscription: row.subscription }), { "aria-label": `${T.replay}: ${name}` }) : "";
    const all = DEAD.has(row.state) ? button(T.replayTarget, () => void this.again({ subscription: row.subscription, channel: row.channel }), { "aria-label": `${T.replayTarget}: ${name}` }) : "";
    return [
      plain(when(row.due_at)),
      plain(stateOf(T.deliveryStates, row.state)),
      plain(row.subscription),
      plain(`${named(T.channels, row.channel)} ${row.target}`),
      plain(named(T.purposes, row.purpose)),
      number(String(row.attempts)),
      plain(row.kept ? row.error : T.notKept, "ac-wide"),
      plain(h("span", { class: "ac-buttons" }, open, send, all)),
    ];
  }

  private open(id: string): void {
    void this.attempts.ask(
      () => delivery(id),
      (found) => {
        const rows = found.attempts_made.map((one) => [number(String(one.number)), plain(when(one.at)), plain(named(T.outcomes, one.outcome)), number(one.status === null ? "–" : String(one.status)), number(one.duration_ms === null ? "–" : String(one.duration_ms)), plain(one.error, "ac-wide")]);
        return [panel("attempts", T.attemptsOf(id), T.utc, rows.length === 0 ? empty(T.noAttempts) : table(T.attempts, T.attemptHeads, rows))];
      },
    ).then(() => document.getElementById("aud-attempts-title")?.focus());
  }

  private async again(body: { readonly ids?: readonly string[]; readonly subscription?: string; readonly channel?: string }): Promise<void> {
    if (body.ids === undefined && body.subscription === "") return this.subscription.focus();
    await this.said.of(() => replay(body), ({ replayed }) => T.replayed(replayed));
    this.show();
  }
}
