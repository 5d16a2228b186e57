/** A past period played again under another rule, beside what really happened. A job of the server's; nothing is stored. */

import type { Json, JsonObject } from "../calculations/api";
import { h, setText } from "../dom";
import { sentence } from "../problems";
import { table } from "../table";
import { get, post } from "../wire";
import { type Place, addressOf } from "./address";
import { cell, shown, told } from "./cells";
import { Answers, type View, empty, failure, labelled, panel } from "./pane";
import { T, word } from "./words";

type Where = "both" | "only_real" | "only_branch";
interface Summary {
  readonly both: number;
  readonly only_real: number;
  readonly only_branch: number;
  readonly changed: number;
}
type Side = Readonly<Record<string, Json>> | null;
interface Row extends JsonObject {
  readonly where: Where;
}

interface Part {
  readonly summary: Summary;
  readonly control: { readonly reproduces: boolean; readonly differing: number };
  readonly rows: readonly Row[];
  readonly left_off: number;
}

interface Job {
  readonly id: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly asked_by: string;
  readonly asked_at: string;
  readonly question: JsonObject;
  readonly progress: { readonly phase: string; readonly done: number; readonly whole: number };
  readonly error: { readonly message: string; readonly facts: JsonObject } | null;
  readonly answer?: { readonly period: JsonObject; readonly rules: JsonObject; readonly digest: string; readonly alerts: Part | null; readonly limits: Part | null; readonly ratios: JsonObject | null } | null;
}

const LOOK_MS = 500;
const FIGURES = ["amount", "threshold", "rolling", "value", "edge", "reason"] as const;

export class WhatIfView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly from = h("input", { id: "aud-from", placeholder: "2026-03-16", autocomplete: "off" });
  private readonly to = h("input", { id: "aud-to", placeholder: "2026-03-17T00:00:00Z", autocomplete: "off" });
  private readonly changes = h("textarea", { id: "aud-changes", rows: 3, spellcheck: "false", placeholder: "large_flow.*.CNY.rolling=20000000" });
  private readonly run = h("button", { type: "submit", class: "plain" }, T.play);
  private readonly problem = h("div");
  private readonly answer = new Answers();
  private visit = 0;

  constructor() {
    const form = h("form", { class: "aud-controls" }, labelled(T.from, this.from), labelled(T.to, this.to), labelled(T.changes, this.changes), this.run, this.problem);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.ask();
    });
    this.element.append(panel("whatif", T.tabs.whatif, T.whatifAbout, form, this.answer.element));
  }

  show(place: Place): void {
    this.visit += 1;
    const [id] = place.parts;
    if (id === undefined) {
      void this.answer.ask(
        () => get<{ jobs: Job[] }>("/counterfactuals"),
        ({ jobs }) => [
          jobs.length === 0
            ? empty(T.noJobs)
            : table(T.jobs, T.jobHeads, jobs.map((job) => [{ content: h("a", { href: addressOf("whatif", [job.id]) }, job.id.slice(0, 8)) }, { content: word(job.state) }, { content: job.asked_by }, { content: shown(job.asked_at) }, { content: changesOf(job) }])),
        ],
      );
    } else void this.follow(id, this.visit);
  }

  private async ask(): Promise<void> {
    const set: Record<string, string> = {};
    for (const line of this.changes.value.split("\n").filter((one) => one.trim() !== "")) {
      const at = line.indexOf("=");
      set[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
    this.run.disabled = true;
    this.problem.replaceChildren();
    try {
      const job = await post<Job>("/counterfactuals", JSON.stringify({ from: this.from.value.trim() || null, to: this.to.value.trim() || null, set }));
      location.hash = addressOf("whatif", [job.id]);
    } catch (error) {
      this.problem.replaceChildren(failure(error, null));
    }
    this.run.disabled = false;
  }

  private async follow(id: string, visit: number): Promise<void> {
    const bar = h("progress", { "aria-label": T.progress });
    const said = h("span", { role: "status" });
    this.answer.put(h("p", { class: "aud-progress" }, bar, " ", said, " ", h("button", { type: "button", class: "plain", onclick: () => void post(`/counterfactuals/${id}/cancel`, "{}").catch(() => undefined) }, T.cancel)));
    for (;;) {
      const job = await get<Job>(`/counterfactuals/${id}`, {}, 30_000).catch((error: unknown) => error);
      if (visit !== this.visit) return;
      if (!isJob(job)) {
        this.answer.put(failure(job, () => void this.follow(id, visit)));
        return;
      }
      if (job.state !== "waiting" && job.state !== "running") {
        this.answer.put(...drawn(job));
        return;
      }
      const { phase, done, whole } = job.progress;
      if (whole > 0) [bar.max, bar.value] = [whole, done];
      setText(said, `${word(phase || job.state)} ${done}/${whole}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const isJob = (found: unknown): found is Job => typeof found === "object" && found !== null && "state" in found;

function changesOf(job: Job): string {
  return Object.entries((job.question["set"] ?? {}) as JsonObject).map(([path, value]) => `${path} = ${shown(value)}`).join("; ") || T.unchanged;
}

function drawn(job: Job): (HTMLElement | null)[] {
  const { answer, error } = job;
  if (error) return [h("div", { class: "failure", role: "alert" }, h("p", {}, T.failed([sentence(error.message), ...Object.entries(error.facts).map(([name, value]) => `${name}: ${shown(value)}`)].join(". "))))];
  if (!answer) return [empty(word(job.state))];
  return [
    h("p", { class: "aud-stamp" }, h("b", {}, changesOf(job)), h("span", { class: "quiet" }, ` ${T.digest} `), h("code", {}, answer.digest)),
    ...(["alerts", "limits"] as const).map((name) => (answer[name] ? compared(name, answer[name]) : null)),
    answer.ratios ? told(T.figures.ratios, answer.ratios) : null,
    h("details", {}, h("summary", {}, T.periodAndRules), told(T.period, answer.period), told(T.rules, answer.rules)),
  ];
}

function compared(name: "alerts" | "limits", part: Part): HTMLElement {
  const { summary, control } = part;
  const rows = part.rows.map((row) => {
    const [real, branch] = [row["real"] as Side, row["branch"] as Side];
    const figures = FIGURES.filter((figure) => real?.[figure] !== undefined || branch?.[figure] !== undefined).filter((figure) => figure !== "reason");
    const one = (side: Side): HTMLElement | string => (side === null ? "–" : h("span", { class: "aud-side" }, figures.map((figure) => `${word(figure)} ${shown(side[figure])}`).join(", ")));
    return [{ content: shown(row["at"]) }, { content: h("span", { class: `aud-where ${row.where}` }, T.where_[row.where]) }, { content: `${String(row["entity"] ?? "–")} ${shown(row["customer"] ?? row["metric"])}` }, cell(row["currency"]), { content: shown(row["limit_id"] ?? row["rule"]) }, { content: one(real) }, { content: one(branch) }];
  });
  return h(
    "section",
    { class: "aud-figure", "data-figure": name },
    h("h4", {}, T.figures[name]),
    h("p", { class: control.reproduces ? "aud-verdict good" : "aud-verdict bad" }, control.reproduces ? `✓ ${T.reproduces}` : `✗ ${T.notReproduced(control.differing)}`),
    h("ul", { class: "aud-counts" }, ...(["both", "only_real", "only_branch", "changed"] as const).map((where) => h("li", { "data-count": where }, h("b", {}, String(summary[where])), ` ${T.where_[where]}`))),
    rows.length === 0 ? empty(T.noAlerts) : table(T.figures[name], T.compareHeads, rows),
    part.left_off > 0 ? h("p", { class: "quiet" }, T.leftOff(part.left_off)) : null,
  );
}
