/** "Would have fired N times": the incidents of a preview over time, and as a list. */

import { empty } from "../auditor/pane";
import { h } from "../dom";
import { inUnits } from "../limit-facts";
import { grouped } from "../money";
import { number, plain, table } from "../table";
import { type Fired, type Incident, type Job, cancelJob, job } from "./api";
import { Said, button } from "./pieces";
import { T, when } from "./words";

const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = 48;
const POLL_MS = 400;

/** How many incidents began in each of `columns` equal parts of the span; one at its very end is in the last part. */
export function perPart(instants: readonly string[], from: string, to: string, columns = COLUMNS): number[] {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const counts = Array.from({ length: columns }, () => 0);
  for (const instant of instants) {
    const share = end > start ? (Date.parse(instant) - start) / (end - start) : 0;
    const at = Math.min(columns - 1, Math.max(0, Math.floor(share * columns)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function chart(fired: Fired): HTMLElement | null {
  const instants = fired.incidents.map(({ raised_at }) => raised_at);
  const [from, to] = [fired.first_at ?? instants.at(0), fired.last_at ?? instants.at(-1)];
  if (from === undefined || to === undefined || instants.length === 0) return null;
  const counts = perPart(instants, from, to);
  const most = Math.max(...counts);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${COLUMNS} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", T.chart(fired.fired, when(from), when(to)));
  counts.forEach((count, at) => {
    if (count === 0) return;
    const bar = document.createElementNS(SVG, "rect");
    const height = (20 * count) / most;
    for (const [name, value] of Object.entries({ x: at + 0.1, width: 0.8, y: 20 - height, height })) bar.setAttribute(name, String(value));
    svg.append(bar);
  });
  return h("figure", { class: "ac-chart" }, h("span", { class: "quiet" }, String(most)), svg, h("figcaption", { class: "quiet" }, h("span", {}, when(from)), h("span", {}, when(to))));
}

function rowOf(one: Incident): ReturnType<typeof plain>[] {
  const value = one.metric !== null && one.value !== null ? inUnits(one.metric, one.value) : grouped(one.amount);
  return [plain(when(one.raised_at)), plain(one.entity), plain(one.currency), plain(one.metric ?? ""), number(value), plain(one.seconds === null ? T.stillOpen : T.seconds(Math.round(one.seconds))), plain(one.reason, "ac-wide")];
}

export function shownFired(fired: Fired): HTMLElement[] {
  const { problems } = fired;
  return [
    h("p", { class: "ac-verdict", tabindex: -1 }, T.wouldHaveFired(fired.fired, fired.cuts)),
    ...(problems.count > 0 ? [h("p", { class: "ac-note" }, T.problemOf(problems.message ?? "", problems.subject ?? ""))] : []),
    chart(fired) ?? empty(T.noAlerts),
    ...(fired.incidents.length > 0 ? [table(T.preview, T.incidentHeads, fired.incidents.map(rowOf))] : []),
    ...(fired.left_off > 0 ? [h("p", { class: "quiet ac-note" }, T.firstIncidents(fired.incidents.length, fired.fired))] : []),
  ];
}

/** A preview under way: its progress, its end, its answer. */
export class PreviewRun {
  readonly element = h("div", { class: "ac-preview" });
  private readonly said = new Said();
  private visit = 0;

  /** Follows what `begin` starts. Throws Problem where it is refused at once; else answers whether it came to its end. */
  async follow(begin: () => Promise<Job>): Promise<boolean> {
    this.visit += 1;
    const { visit } = this;
    let found = await begin();
    const bar = h("progress", { "aria-label": T.preview });
    const stop = button(T.cancel, () => void cancelJob(found.id));
    this.element.replaceChildren(this.said.element, h("div", { class: "ac-line" }, bar, stop));
    while (found.state === "waiting" || found.state === "running") {
      const { done, whole } = found.progress;
      if (whole > 0) Object.assign(bar, { max: whole, value: done });
      this.said.say(T.running(done, whole));
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (visit !== this.visit) return false;
      found = await job(found.id);
    }
    if (found.state === "done") {
      if (found.answer === null) found = await job(found.id);
      this.element.replaceChildren(...(found.answer === null ? [] : shownFired(found.answer)));
      this.element.querySelector<HTMLElement>(".ac-verdict")?.focus({ preventScroll: true });
      return true;
    }
    this.element.replaceChildren(this.said.element);
    if (found.state === "failed") this.said.refuse(found.error?.message ?? "");
    else this.said.say(T.cancelled);
    return false;
  }
}
