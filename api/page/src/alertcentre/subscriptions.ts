/** Subscriptions: mine or all that I may see, a form beside them, a test message, the end of one. */

import { Answers, empty, panel } from "../auditor/pane";
import { h } from "../dom";
import { plain, table } from "../table";
import type { Me } from "../wire";
import { type Case, cases, command } from "./api";
import { Said, button, stateOf } from "./pieces";
import { SubscriptionForm } from "./subscription-form";
import { T, named, when } from "./words";

export class SubscriptionsView {
  readonly element: HTMLElement;
  private isMine = true;
  private readonly answers = new Answers();
  private readonly said = new Said();
  private readonly form: SubscriptionForm;
  private readonly switches: readonly HTMLButtonElement[];

  constructor(who: Me) {
    this.form = new SubscriptionForm(who.entities, () => this.show());
    this.switches = [true, false].map((isMine) => button(isMine ? T.mineTab : T.teamTab, () => this.choose(isMine), { "aria-pressed": String(isMine) }));
    const top = h("div", { class: "ac-line ac-top" }, ...this.switches, button(T.newSubscription, () => this.edit(null)), this.said.element);
    this.element = h("div", { class: "aud-tab" }, panel("subscriptions", T.subscriptions, "", top, this.answers.element), panel("subscription", T.newSubscription, "", this.form.element));
    this.show();
  }

  private choose(isMine: boolean): void {
    this.isMine = isMine;
    this.switches.forEach((one, at) => one.setAttribute("aria-pressed", String((at === 0) === isMine)));
    this.show();
  }

  private show(): void {
    void this.answers.ask(
      () => cases("alert-subscriptions", this.isMine ? { mine: "true" } : {}),
      ({ rows }) => [rows.length === 0 ? empty(T.noSubscriptions) : table(T.subscriptions, T.subscriptionHeads, rows.map((row) => this.row(row)))],
    );
  }

  private edit(row: Case | null): void {
    this.form.take(row);
    const title = document.getElementById("aud-subscription-title");
    if (title) title.textContent = row === null ? T.newSubscription : `${T.edit}: ${String(row["subscription_no"])}`;
    title?.focus();
  }

  /** Targets that are left alone by themselves: why, since when, and to try them again. */
  private suspended(row: Case, no: string): HTMLElement[] {
    const stopped = (row["suspended"] as readonly { channel: string; error_text: string; at: string }[] | undefined) ?? [];
    return stopped.map(({ channel, error_text: why, at }) => {
      const work = (): Promise<{ replayed: number }> => command(`/alert-subscriptions/${encodeURIComponent(no)}/resume`, { channel });
      const resume = button(T.resume, () => void this.said.of(work, ({ replayed }) => T.resumed(no, replayed)).then(() => this.show()), { "aria-label": `${T.resume}: ${no} ${named(T.channels, channel)}` });
      return h("p", { class: "failed ac-suspended" }, T.suspendedTarget(named(T.channels, channel), why, when(at)), " ", resume);
    });
  }

  private row(row: Case): ReturnType<typeof plain>[] {
    const no = String(row["subscription_no"]);
    const channels = (row["channels"] as readonly { channel: string }[] | undefined) ?? [];
    const quiet = row["quiet_from"] ? `${String(row["quiet_from"])}–${String(row["quiet_until"])}` : "";
    const path = `/alert-subscriptions/${encodeURIComponent(no)}`;
    const act = (name: string, work: () => void): HTMLElement => button(name, work, { "aria-label": `${name}: ${no}` });
    const acts = [
      act(T.edit, () => this.edit(row)),
      act(T.test, () => void this.said.of(() => command<{ delivery_ids: readonly string[] }>(`${path}/test`, {}), ({ delivery_ids: ids }) => T.tested(ids.length))),
      act(T.end, () => void this.said.of(() => command(`${path}/end`, {}), () => T.ended(no)).then(() => this.show())),
    ];
    return [
      plain(no),
      plain([row["title"], row["team"]].filter(Boolean).join(" · "), "ac-wide"),
      plain(h("div", {}, stateOf(T.caseStates, row.state), ...this.suspended(row, no)), "ac-wide"),
      plain(h("code", {}, String(row["filter"])), "ac-wide"),
      plain(channels.map(({ channel }) => named(T.channels, channel)).join(", ")),
      plain([named(T.digests, String(row["digest"] ?? "IMMEDIATELY")), quiet].filter(Boolean).join(" · ")),
      plain(row.state === "ACTIVE" ? h("span", { class: "ac-buttons" }, ...acts) : ""),
    ];
  }
}
