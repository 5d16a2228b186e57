/** How severe an alert is: one scale wherever alerts are told (docs/alert-centre.md). The server says it of every alert. */

import { h } from "./dom";

export const SEVERITIES = ["CRITICAL", "WARNING", "INFO"] as const;
export type Severity = (typeof SEVERITIES)[number];
export type SeverityNames = Readonly<Record<Severity, string>>;

export const SEVERITIES_EN: SeverityNames = { CRITICAL: "Critical", WARNING: "Warning", INFO: "Information" };
export const SEVERITIES_ZH: SeverityNames = { CRITICAL: "严重", WARNING: "警告", INFO: "提示" };

const SHAPES: SeverityNames = { CRITICAL: "◆", WARNING: "▲", INFO: "●" };

/** A shape, a word and a colour: each alone tells the severity. */
export function severityMark(severity: Severity, names: SeverityNames): HTMLElement {
  return h("span", { class: `severity ${severity.toLowerCase()}` }, h("span", { "aria-hidden": "true" }, SHAPES[severity]), ` ${names[severity]}`);
}
