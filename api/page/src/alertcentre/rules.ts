/** The rules with their states and problems, and the editor of one of them at `#/alerts/rules/NO`. */

import { Answers, empty, failure, panel } from "../auditor/pane";
import { h } from "../dom";
import { ALERTS } from "../rooms";
import type { Severity } from "../severity";
import { number, plain, table } from "../table";
import { type Rule, me, rule, rules, vocabulary } from "./api";
import { severityOf, stateOf } from "./pieces";
import { RuleForm } from "./rule-form";
import { T, language } from "./words";

export class RulesView {
  readonly element = h("div", { class: "aud-tab" });
  private readonly answers = new Answers();
  private readonly one = h("div");
  private form: Promise<RuleForm> | null = null;

  constructor(rest: string) {
    const add = h("a", { href: `${ALERTS}/rules/new`, class: "ac-new" }, T.newRule);
    this.element.append(panel("rules", T.rules, "", h("div", { class: "ac-line ac-top" }, add), this.answers.element), this.one);
    this.refresh();
    this.enter(rest);
  }

  enter(rest: string): void {
    if (rest === "") return this.one.replaceChildren();
    void this.open(rest).catch((error: unknown) => this.one.replaceChildren(failure(error, () => this.enter(rest))));
  }

  private refresh(): void {
    void this.answers.ask(rules, ({ rows }) => [rows.length === 0 ? empty(T.noRules) : table(T.rules, T.ruleHeads, rows.map(rowOf))]);
  }

  private async open(no: string): Promise<void> {
    this.form ??= Promise.all([vocabulary(), me()]).then(([words, who]) => new RuleForm(words, who.actor, who.entities.find((entity) => entity !== "*") ?? "", () => this.refresh()));
    const [form, found] = await Promise.all([this.form, no === "new" ? null : rule(no)]);
    form.take(found);
    this.one.replaceChildren(form.element);
    form.element.querySelector<HTMLElement>("#aud-editor-title")?.focus();
  }
}

function rowOf(one: Rule): ReturnType<typeof plain>[] {
  const { content, in_force: inForce, at_work: atWork } = one;
  const name = language === "zh" && content.name_zh ? content.name_zh : (content.name ?? "");
  const problems = atWork === null || atWork.problems.count === 0 ? "" : h("span", { class: "failed", title: T.problemOf(atWork.problems.message ?? "", atWork.problems.subject ?? "") }, T.problems(atWork.problems.count, atWork.problems.subjects_now));
  return [
    plain(h("a", { href: `${ALERTS}/rules/${encodeURIComponent(one.rule_no)}` }, one.rule_no)),
    plain(name, "ac-wide"),
    plain(stateOf(T.ruleStates, one.state)),
    plain(severityOf((content.severity ?? "WARNING") as Severity)),
    plain(inForce?.rule_version === undefined ? "–" : T.version(inForce.rule_version)),
    number(atWork === null ? "–" : String(atWork.raised)),
    plain(problems),
  ];
}
