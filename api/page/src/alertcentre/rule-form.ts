/** One rule: its draft with the vocabulary at hand, its preview, and putting it in force by another person. */

import { panel } from "../auditor/pane";
import { h, setHidden } from "../dom";
import { Problem } from "../wire";
import { type Rule, type RuleContent, type Vocabularies, type Vocabulary, command, rule as ruleOf, tryDraft, tryRule } from "./api";
import { Completion } from "./completion";
import { Fields } from "./fields";
import { PreviewRun } from "./fired";
import { Said, button, parts, select, severityOf, stateOf } from "./pieces";
import { T, named, textOf } from "./words";

const SELECTORS = ["metrics", "scopes", "entities", "currencies", "kinds"] as const;
const NUMBERS = ["clear_readings", "clear_interval_s", "arming_s"] as const;

export class RuleForm {
  readonly element: HTMLElement;
  private known: Rule | null = null;
  private kept = "";
  private readonly fields = new Fields();
  private readonly said = new Said();
  private readonly run = new PreviewRun();
  private readonly no = h("input", { type: "text", id: "ac-rule-no", maxlength: 40, autocomplete: "off" });
  private readonly name = h("input", { type: "text", id: "ac-rule-name", maxlength: 200, autocomplete: "off" });
  private readonly nameZh = h("input", { type: "text", id: "ac-rule-name-zh", maxlength: 200, autocomplete: "off", lang: "zh-Hans" });
  private readonly severity: HTMLSelectElement;
  private readonly about: HTMLSelectElement;
  private readonly expression = h("textarea", { id: "ac-rule-expression", rows: 3, maxlength: 2_000 });
  private readonly clear = h("textarea", { id: "ac-rule-clear", rows: 1, maxlength: 2_000 });
  private readonly home = h("input", { type: "text", id: "ac-rule-home", size: 12, autocomplete: "off" });
  private readonly why = h("input", { type: "text", id: "ac-rule-why", maxlength: 2_000, autocomplete: "off" });
  private readonly from = h("input", { type: "date", id: "ac-rule-from" });
  private readonly to = h("input", { type: "date", id: "ac-rule-to" });
  private readonly lists = Object.fromEntries(SELECTORS.map((name) => [name, h("input", { type: "text", id: `ac-rule-${name}`, autocomplete: "off" })])) as Record<(typeof SELECTORS)[number], HTMLInputElement>;
  private readonly numbers = Object.fromEntries(NUMBERS.map((name) => [name, h("input", { type: "number", id: `ac-rule-${name}`, min: 0 })])) as Record<(typeof NUMBERS)[number], HTMLInputElement>;
  private readonly completions: readonly Completion[];
  private readonly words = h("div", { class: "ac-words" });
  private readonly hint = h("p", { class: "quiet ac-note", id: "ac-rule-hint" });
  private readonly head = h("span", { class: "ac-head" });
  private readonly enable = button(T.enable, () => void this.give("enable", T.enabled), { "aria-describedby": "ac-rule-hint", id: "ac-rule-enable" });
  private readonly disable = button(T.disable, () => void this.give("disable", T.disabled), { id: "ac-rule-disable" });
  private readonly discard = button(T.discard, () => void this.give("discard", T.discarded), { id: "ac-rule-discard" });

  /** @param onChange after anything was stored; @param actor who reads; @param home where a new rule is kept */
  constructor(
    private readonly vocabularies: Vocabularies,
    private readonly actor: string,
    home: string,
    private readonly onChange: () => void,
  ) {
    this.severity = select(Object.fromEntries(vocabularies.severities.map((code) => [code, named(T.severities, code)])), { id: "ac-rule-severity" });
    this.about = select(Object.fromEntries(vocabularies.vocabularies.map((one) => [one.about, textOf(one)])), { id: "ac-rule-about" });
    this.completions = [this.expression, this.clear].map((area) => new Completion(area, T.completions));
    this.home.value = home;
    this.about.addEventListener("change", () => this.teach());
    const { fields } = this;
    const [ofExpression, ofClear] = this.completions;
    const titles = { metrics: T.metrics, scopes: T.scopes, entities: T.entities, currencies: T.currencies, kinds: T.kinds2, clear_readings: T.clearReadings, clear_interval_s: T.clearInterval, arming_s: T.arming };
    const form = h(
      "form",
      { class: "ac-form" },
      h("div", { class: "ac-line" }, fields.add("rule_no", T.ruleNo, this.no), fields.add("name", T.name, this.name), fields.add("name_zh", T.nameZh, this.nameZh)),
      h("div", { class: "ac-line" }, fields.add("about", T.about, this.about), fields.add("severity", T.severity, this.severity), fields.add("entity_id", T.keptWith, this.home)),
      fields.add("expression", T.expression, this.expression, T.expressionHelp),
      ofExpression?.element ?? null,
      fields.add("clear_expression", T.clearExpression, this.clear),
      ofClear?.element ?? null,
      h("div", { class: "ac-line" }, ...SELECTORS.map((name) => fields.add(name, titles[name], this.lists[name], T.commas))),
      h("div", { class: "ac-line" }, ...NUMBERS.map((name) => fields.add(name, titles[name], this.numbers[name]))),
      h("div", { class: "ac-line" }, fields.add("why", T.reasonWhy, this.why), h("button", { type: "submit", class: "primary" }, T.draft)),
      h("div", { class: "ac-line" }, fields.add("from", T.from, this.from), fields.add("to", T.to, this.to), button(T.tryIt, () => void this.preview(), { id: "ac-rule-try" }), this.enable, this.disable, this.discard),
      this.hint,
      this.said.element,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.draft();
    });
    form.addEventListener("input", () => this.offer());
    this.element = h("div", { class: "aud-tab" }, panel("editor", T.editor, "", this.head, h("div", { class: "ac-columns" }, form, this.words)), this.run.element);
    this.take(null);
  }

  /** Shows this rule, or an empty one. */
  take(rule: Rule | null): void {
    this.known = rule;
    const content: RuleContent = rule?.content ?? {};
    this.no.value = rule?.rule_no ?? "";
    this.no.readOnly = rule !== null;
    this.name.value = content.name ?? "";
    this.nameZh.value = content.name_zh ?? "";
    this.severity.value = content.severity ?? "WARNING";
    this.about.value = content.about ?? "totals";
    this.expression.value = content.expression ?? "";
    this.clear.value = content.clear_expression ?? "";
    if (rule?.entity_id) this.home.value = rule.entity_id;
    for (const name of SELECTORS) this.lists[name].value = (content[name] ?? []).join(", ");
    for (const name of NUMBERS) this.numbers[name].value = String(content[name] ?? (name === "clear_readings" ? 1 : 0));
    this.why.value = "";
    this.fields.clear();
    this.teach();
    this.kept = JSON.stringify(this.content);
    this.offer();
  }

  private get vocabulary(): Vocabulary | undefined {
    return this.vocabularies.vocabularies.find(({ about }) => about === this.about.value);
  }

  /** The facts, functions and examples of what the rule is about. */
  private teach(): void {
    const { vocabulary } = this;
    if (vocabulary === undefined) return;
    for (const completion of this.completions) completion.know([...vocabulary.facts.map((fact) => ({ name: fact.name, about: `${fact.type} · ${textOf(fact)}` })), ...this.vocabularies.functions.map((one) => ({ name: one.expression, about: textOf(one) }))]);
    for (const name of SELECTORS) setHidden(this.lists[name].parentElement as HTMLElement, !vocabulary.selectors.includes(name));
    const examples = vocabulary.examples.map((one) => h("li", {}, h("code", {}, one.expression), h("span", { class: "quiet" }, textOf(one)), button(T.useExample, () => this.use(one.expression), { "aria-label": `${T.useExample}: ${one.expression}` })));
    const facts = vocabulary.facts.map((fact) => h("li", {}, button(fact.name, () => this.completions[0]?.put(fact.name)), h("span", { class: "quiet" }, `${fact.type} · ${textOf(fact)}`)));
    const functions = this.vocabularies.functions.map((one) => h("li", {}, h("code", {}, one.expression), h("span", { class: "quiet" }, textOf(one))));
    this.words.replaceChildren(h("h4", {}, T.examples), h("ul", {}, ...examples), h("h4", {}, T.vocabulary), h("ul", { class: "ac-facts-list", tabindex: 0, "aria-label": T.vocabulary }, ...facts, ...functions));
  }

  private use(expression: string): void {
    this.expression.value = expression;
    this.expression.focus();
    this.offer();
  }

  private get content(): Record<string, unknown> {
    const filled = (text: string, name: string): Record<string, string> => (text.trim() === "" ? {} : { [name]: text.trim() });
    const lists = SELECTORS.filter((name) => !this.lists[name].parentElement?.hidden && parts(this.lists[name].value).length > 0);
    return {
      ...filled(this.name.value, "name"), ...filled(this.nameZh.value, "name_zh"), ...filled(this.clear.value, "clear_expression"),
      severity: this.severity.value, about: this.about.value, expression: this.expression.value,
      ...Object.fromEntries(lists.map((name) => [name, parts(this.lists[name].value)])),
      ...Object.fromEntries(NUMBERS.map((name) => [name, Number(this.numbers[name].value)])),
    };
  }

  private get isKept(): boolean {
    return this.known !== null && JSON.stringify(this.content) === this.kept;
  }

  /** What may be done now. The server decides; the page says why not before it is asked. */
  private offer(): void {
    const { known } = this;
    const isTried = known?.state === "PREVIEWED" && this.isKept;
    const isOwn = known?.drafter === this.actor;
    this.enable.disabled = !isTried || isOwn;
    this.disable.hidden = !known?.in_force || Object.keys(known.in_force).length === 0;
    this.discard.hidden = known === null || !["DRAFT", "PREVIEWED"].includes(known.state);
    this.hint.textContent = !isTried ? T.previewFirst : isOwn ? T.anotherPerson : "";
    this.head.replaceChildren(...(known === null ? [] : [severityOf(known.content.severity as "INFO"), h("b", {}, known.rule_no), stateOf(T.ruleStates, known.state), h("span", { class: "quiet" }, T.version(known.rule_version))]));
  }

  private refuse(error: unknown): void {
    if (!this.fields.refuse(error)) this.said.refuse(error);
  }

  private async draft(): Promise<void> {
    this.fields.clear();
    const no = this.no.value.trim();
    const payload = { ...this.content, entity_id: this.home.value.trim(), why: this.why.value.trim() };
    try {
      await command("/alert-rules", { rule_no: no, payload });
      this.take(await ruleOf(no));
      this.said.say(T.drafted);
      this.onChange();
    } catch (error) {
      this.refuse(error);
    }
  }

  private async preview(): Promise<void> {
    this.fields.clear();
    const no = this.no.value.trim();
    const span = { ...(this.from.value === "" ? {} : { from: this.from.value }), ...(this.to.value === "" ? {} : { to: this.to.value }) };
    const isDraft = this.isKept && ["DRAFT", "PREVIEWED"].includes(this.known?.state ?? "");
    try {
      const isDone = await this.run.follow(() => (isDraft ? tryDraft(no, span) : tryRule({ rule: this.content, ...span })));
      if (!isDone || !isDraft) return;
      this.take(await ruleOf(no));
      this.onChange();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.refuse(error);
    }
  }

  private async give(name: "enable" | "disable" | "discard", said: string): Promise<void> {
    const no = this.no.value.trim();
    this.fields.clear();
    try {
      await command(`/alert-rules/${encodeURIComponent(no)}/${name}`, { payload: { why: this.why.value.trim() } });
      this.take(await ruleOf(no));
      this.said.say(said);
      this.onChange();
    } catch (error) {
      this.refuse(error);
    }
  }
}
