/** What a subscription says: by words or by expression, to which channels, when; tried on the last thirty days. */

import { Answers } from "../auditor/pane";
import { h, setHidden } from "../dom";
import { SEVERITIES } from "../severity";
import { number, plain, table } from "../table";
import { CHANNELS, type Case, type SubscriptionPreview, command, previewSubscription } from "./api";
import { Fields } from "./fields";
import { Said, button, parts, select } from "./pieces";
import { T, language, named, when } from "./words";

const DAYS = 30;

/** A filter of words: the rule and the smallest amount, either of which may be left out. */
export function filterOf(rule: string, amount: string): string {
  const terms = [rule === "" ? "" : `rule == ${JSON.stringify(rule)}`, amount === "" ? "" : `amount >= money("${/\./.test(amount) ? amount : `${amount}.00`}")`];
  return terms.filter(Boolean).join(" && ") || "true";
}

export class SubscriptionForm {
  readonly element: HTMLFormElement;
  private known: Case | null = null;
  private readonly fields = new Fields();
  private readonly said = new Said();
  private readonly answers = new Answers();
  private readonly no = h("input", { type: "text", id: "ac-sub-no", maxlength: 64, autocomplete: "off", required: true });
  private readonly name = h("input", { type: "text", id: "ac-sub-title", maxlength: 200, autocomplete: "off" });
  private readonly way = select({ words: T.byWords, expression: T.byExpression }, { id: "ac-sub-way" });
  private readonly rule = h("input", { type: "text", id: "ac-sub-rule", placeholder: T.anyRule, autocomplete: "off" });
  private readonly amount = h("input", { type: "text", id: "ac-sub-amount", inputmode: "decimal", size: 14, autocomplete: "off" });
  private readonly filter = h("textarea", { id: "ac-sub-filter", rows: 2, maxlength: 2_000, spellcheck: "false" });
  private readonly severity = select(Object.fromEntries([...SEVERITIES].reverse().map((code) => [code, named(T.severities, code)])), { id: "ac-sub-severity" });
  private readonly entities = h("input", { type: "text", id: "ac-sub-entities", autocomplete: "off" });
  private readonly targets = Object.fromEntries(CHANNELS.map((name) => [name, h("input", { type: "text", id: `ac-sub-${name}`, maxlength: 600, placeholder: T.addressHint, autocomplete: "off" })])) as Record<(typeof CHANNELS)[number], HTMLInputElement>;
  private readonly quietFrom = h("input", { type: "time", id: "ac-sub-quiet-from" });
  private readonly quietUntil = h("input", { type: "time", id: "ac-sub-quiet-until" });
  private readonly digest = select(T.digests, { id: "ac-sub-digest" });
  private readonly digestAt = h("input", { type: "time", id: "ac-sub-digest-at" });
  private readonly workdays = h("input", { type: "checkbox", id: "ac-sub-workdays" });
  private readonly team = h("input", { type: "text", id: "ac-sub-team", maxlength: 64, size: 12, autocomplete: "off" });
  private readonly words = select({ en: "English", zh: "中文" }, { id: "ac-sub-language" });
  private readonly byWords: HTMLElement;
  private readonly byFilter: HTMLElement;
  private readonly teamField: HTMLElement;
  private readonly submit = h("button", { type: "submit", class: "primary" }, T.subscribe);

  /** @param onChange after one was stored; @param entities that the reader may see */
  constructor(
    private readonly maySee: readonly string[],
    private readonly onChange: () => void,
  ) {
    const { fields } = this;
    this.byWords = h("div", { class: "ac-line" }, fields.add("rule", T.rule, this.rule), fields.add("amount", T.largerThan, this.amount));
    this.byFilter = fields.add("filter", T.filter, this.filter);
    fields.alias("expression", "filter");
    this.teamField = fields.add("team", T.teamField, this.team);
    this.element = h(
      "form",
      { class: "ac-form" },
      h("div", { class: "ac-line" }, fields.add("subscription_no", T.subscriptionNo, this.no), fields.add("title", T.titleField, this.name), this.teamField),
      h("div", { class: "ac-line" }, fields.add("way", T.filterBy, this.way), fields.add("severity", T.atLeast, this.severity), fields.add("entities", T.entities, this.entities)),
      this.byWords,
      this.byFilter,
      h("div", { class: "ac-line" }, ...CHANNELS.map((name) => fields.add(name === "email" ? "channels" : name, named(T.channels, name), this.targets[name]))),
      h("div", { class: "ac-line" }, fields.add("quiet_from", T.quietFrom, this.quietFrom), fields.add("quiet_until", T.quietUntil, this.quietUntil), fields.add("digest", T.digest, this.digest), fields.add("digest_at", T.digestAt, this.digestAt), fields.add("language", T.messageLanguage, this.words), h("label", { class: "ac-check" }, this.workdays, T.workdays)),
      h("div", { class: "ac-line" }, button(T.preview30, () => void this.preview(), { id: "ac-sub-try" }), this.submit),
      this.said.element,
      this.answers.element,
    );
    this.element.addEventListener("change", () => this.offer());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.store();
    });
    this.take(null);
  }

  /** Shows this subscription to be changed, or an empty one. */
  take(known: Case | null): void {
    this.known = known;
    const text = (name: string): string => (typeof known?.[name] === "string" ? known[name] : "");
    this.no.value = text("subscription_no");
    this.no.readOnly = known !== null;
    this.name.value = text("title");
    this.way.value = known === null ? "words" : "expression";
    this.filter.value = text("filter");
    this.severity.value = text("severity") || "INFO";
    this.entities.value = known === null ? this.maySee.join(", ") : ((known["entities"] as readonly string[] | undefined) ?? []).join(", ");
    const channels = (known?.["channels"] as readonly { channel: string; target: string }[] | undefined) ?? [];
    for (const name of CHANNELS) this.targets[name].value = channels.find(({ channel }) => channel === name)?.target ?? "";
    this.quietFrom.value = text("quiet_from");
    this.quietUntil.value = text("quiet_until");
    this.digest.value = text("digest") || "IMMEDIATELY";
    this.digestAt.value = text("digest_at");
    this.words.value = text("language") || language;
    this.workdays.checked = ((known?.["days"] as readonly string[] | undefined) ?? []).includes("WORKDAYS");
    setHidden(this.teamField, known !== null); // a change leaves the team as it is
    this.submit.textContent = known === null ? T.subscribe : T.saveChange;
    this.fields.clear();
    this.said.say("");
    this.answers.put();
    this.offer();
  }

  private offer(): void {
    const byWords = this.way.value === "words";
    setHidden(this.byWords, !byWords);
    setHidden(this.byFilter, byWords);
    if (byWords) this.filter.value = filterOf(this.rule.value.trim(), this.amount.value.trim());
    setHidden(this.digestAt.parentElement as HTMLElement, this.digest.value !== "DAILY");
  }

  private get content(): Record<string, unknown> {
    const { known } = this;
    // What the form does not ask for stays as it is: a change says the whole content.
    const rest = Object.fromEntries(["group_by", "group_minutes", "time_zone", "critical_waits", "resolved"].filter((name) => known?.[name] != null).map((name) => [name, known?.[name]]));
    const filled = Object.entries({ title: this.name.value.trim(), quiet_from: this.quietFrom.value, quiet_until: this.quietUntil.value, digest_at: this.digest.value === "DAILY" ? this.digestAt.value : "" }).filter(([, value]) => value !== "");
    return {
      ...rest, ...Object.fromEntries(filled), filter: this.filter.value, severity: this.severity.value, entities: parts(this.entities.value), language: this.words.value, digest: this.digest.value,
      channels: CHANNELS.filter((name) => this.targets[name].value.trim() !== "").map((channel) => ({ channel, target: this.targets[channel].value.trim() })),
      ...(this.workdays.checked ? { days: ["WORKDAYS"] } : {}),
    };
  }

  private refuse(error: unknown): void {
    if (!this.fields.refuse(error)) this.said.refuse(error);
  }

  private async preview(): Promise<void> {
    this.offer();
    this.fields.clear();
    this.said.say("");
    try {
      const found = await previewSubscription(this.content, DAYS);
      this.answers.put(...shownPreview(found));
    } catch (error) {
      this.refuse(error);
    }
  }

  private async store(): Promise<void> {
    this.offer();
    this.fields.clear();
    const no = this.no.value.trim();
    const { known } = this;
    try {
      if (known !== null) await command(`/alert-subscriptions/${encodeURIComponent(no)}/change`, { payload: this.content, expected_version: known.version });
      else await command("/alert-subscriptions", { subscription_no: no, payload: { ...this.content, ...(this.team.value.trim() === "" ? {} : { team: this.team.value.trim() }) } });
      this.take(null);
      this.said.say(T.subscribed(no));
      this.onChange();
    } catch (error) {
      this.refuse(error);
    }
  }
}

function shownPreview(found: SubscriptionPreview): HTMLElement[] {
  const byRule = Object.entries({ ...found.by_rule, ...found.by_entity }).map(([name, count]) => `${name}: ${count}`).join(" · ");
  const rows = found.shown.map((one) => [plain(when(one.due_at)), plain(named(T.channels, one.channel)), plain(named(T.purposes, one.purpose)), number(String(one.alert_ids.length)), plain(one.reason, "ac-wide")]);
  return [
    h("p", { class: "ac-verdict", role: "status" }, T.wouldHaveSent(found.alerts, found.notifications, found.silenced)),
    h("p", { class: "quiet ac-note" }, found.truncated ? `${byRule} · ${T.truncated}` : byRule),
    ...(rows.length > 0 ? [table(T.preview30, T.sentHeads, rows)] : []),
  ];
}
