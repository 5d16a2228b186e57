/** Small parts that several views of the alert centre show: severities, states, names of alerts, forms, what was said. */

import { h } from "../dom";
import { edges, inUnits, limitOf } from "../limit-facts";
import { grouped } from "../money";
import { said } from "../problems";
import { type Severity, severityMark } from "../severity";
import type { Told } from "./api";
import { T, language, named } from "./words";

export const severityOf = (severity: Severity): HTMLElement => severityMark(severity, T.severities);

export const stateOf = (names: Readonly<Record<string, string>>, state: string): HTMLElement => h("span", { class: "ac-state", "data-state": state }, named(names, state));

/** What an alert is about, in a few words. */
export function nameOf(alert: Told): string {
  const { rule_facts: facts } = alert;
  if (facts) return language === "zh" && facts.name_zh ? facts.name_zh : facts.name;
  const limit = limitOf(alert);
  if (!limit) return named({}, alert.rule.replaceAll("-", "_"));
  return `${limit.metric.replaceAll("_", " ").toUpperCase()} ${inUnits(limit.metric, limit.value)} (${edges(limit.metric, limit.minimum, limit.maximum)})`;
}

/** Alerts of one incident belong together; an alert on a flow is an incident of its own. */
export const incidentOf = (alert: Told): string => alert.rule_facts?.incident ?? alert.limit?.incident ?? alert.alert_id;

/** The amount of an alert on a flow; what an alert on a figure stands at is in its name. */
export const amountOf = (alert: Told): string => (limitOf(alert) ? "" : `${alert.currency} ${grouped(alert.rolling ?? alert.amount)}`);

/** Where the server says an expression is wrong, from 0: "1:10: undeclared reference" is line 1, column 10. */
export function placeIn(text: string, detail: string): number | null {
  const found = /(?:^|\s)(\d+):(\d+)(?::|\s|$)/.exec(detail);
  if (found === null) return null;
  const [line, column] = [Number(found[1]), Number(found[2])];
  const lines = text.split("\n");
  if (line < 1 || line > lines.length) return null;
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(text.length, before + Math.max(0, column - 1));
}

export const parts = (text: string): string[] => text.split(/[,，]/).map((part) => part.trim()).filter(Boolean);

export function select(names: Readonly<Record<string, string>>, attributes: Readonly<Record<string, string>> = {}): HTMLSelectElement {
  return h("select", attributes, ...Object.entries(names).map(([value, name]) => h("option", { value }, name)));
}

export const button = (name: string, work: () => void, attributes: Readonly<Record<string, string>> = {}): HTMLButtonElement => h("button", { type: "button", class: "plain", onclick: work, ...attributes }, name);

/** One line that says how the last act went: read out, and red where it was refused. */
export class Said {
  readonly element = h("p", { class: "ac-said", role: "status" });

  say(text: string): void {
    this.element.classList.remove("failed");
    this.element.textContent = text;
  }

  refuse(error: unknown): void {
    this.element.classList.add("failed");
    this.element.textContent = T.failed(said(error));
  }

  /** Says `done` of what `work` gives, or why not. */
  async of<A>(work: () => Promise<A>, done: (answer: A) => string): Promise<A | null> {
    try {
      const answer = await work();
      this.say(done(answer));
      return answer;
    } catch (error) {
      this.refuse(error);
      return null;
    }
  }
}
