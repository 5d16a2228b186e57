/** Silences: what is held back from delivery until when; made, approved by another person, ended. */

import { Answers, empty, panel } from "../auditor/pane";
import { h } from "../dom";
import { plain, table } from "../table";
import type { Me } from "../wire";
import { type Case, cases, command } from "./api";
import { Fields } from "./fields";
import { Said, button, parts, stateOf } from "./pieces";
import { T, when } from "./words";

const HOUR_MS = 3_600_000;
const POSSIBLE: Readonly<Record<string, readonly ("approve" | "reject" | "end")[]>> = { PROPOSED: ["approve", "reject", "end"], IN_FORCE: ["end"] };

export class SilencesView {
  readonly element: HTMLElement;
  private readonly answers = new Answers();
  private readonly said = new Said();
  private readonly fields = new Fields();
  private readonly no = h("input", { type: "text", id: "ac-silence-no", maxlength: 64, autocomplete: "off", required: true });
  private readonly matcher = h("textarea", { id: "ac-silence-matcher", rows: 2, maxlength: 2_000, spellcheck: "false" });
  private readonly entities = h("input", { type: "text", id: "ac-silence-entities", autocomplete: "off" });
  private readonly hours = h("input", { type: "number", id: "ac-silence-hours", min: 1, max: 744, value: 2 });
  private readonly comment = h("input", { type: "text", id: "ac-silence-comment", maxlength: 2_000, autocomplete: "off" });
  private readonly critical = h("input", { type: "checkbox", id: "ac-silence-critical" });

  constructor(who: Me) {
    const { fields } = this;
    this.entities.value = who.entities.join(", ");
    const form = h(
      "form",
      { class: "ac-form" },
      h("div", { class: "ac-line" }, fields.add("silence_no", T.subscriptionNo, this.no), fields.add("entities", T.entities, this.entities), fields.add("ends_at", T.hours, this.hours)),
      fields.add("matcher", T.matcher, this.matcher),
      h("div", { class: "ac-line" }, fields.add("comment", T.reasonWhy, this.comment), h("label", { class: "ac-check" }, this.critical, T.coversCritical), h("button", { type: "submit", class: "primary" }, T.silence)),
      this.said.element,
    );
    fields.alias("expression", "matcher");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.make();
    });
    this.element = h("div", { class: "aud-tab" }, panel("silences", T.silences, T.utc, this.answers.element), panel("silence", T.newSilence, T.silenceAbout, form));
    this.show();
  }

  private show(): void {
    void this.answers.ask(
      () => cases("alert-silences"),
      ({ rows }) => [rows.length === 0 ? empty(T.noSilences) : table(T.silences, T.silenceHeads, rows.map((row) => this.row(row)))],
    );
  }

  private row(row: Case): ReturnType<typeof plain>[] {
    const no = String(row["silence_no"]);
    const names = { approve: T.approve, reject: T.reject, end: T.end };
    const give = (name: "approve" | "reject" | "end"): void => void this.said.of(() => command(`/alert-silences/${encodeURIComponent(no)}/${name}`, {}), () => T.saved).then(() => this.show());
    const acts = (POSSIBLE[row.state] ?? []).map((name) => button(names[name], () => give(name), { "aria-label": `${names[name]}: ${no}` }));
    const about = [row["comment"], row["covers_critical"] === true ? T.coversCritical : ""].filter(Boolean).join(" · ");
    return [
      plain(no),
      plain(stateOf(T.caseStates, row.state)),
      plain(h("code", {}, String(row["matcher"])), "ac-wide"),
      plain(when(String(row["starts_at"]))),
      plain(when(String(row["ends_at"]))),
      plain(about, "ac-wide"),
      plain(h("span", { class: "ac-buttons" }, ...acts)),
    ];
  }

  private async make(): Promise<void> {
    this.fields.clear();
    const no = this.no.value.trim();
    const now = Date.now();
    const instant = (at_ms: number): string => new Date(at_ms).toISOString();
    const payload = { matcher: this.matcher.value, entities: parts(this.entities.value), starts_at: instant(now), ends_at: instant(now + Number(this.hours.value) * HOUR_MS), comment: this.comment.value.trim(), ...(this.critical.checked ? { covers_critical: true } : {}) };
    try {
      const { state } = await command<{ state: Case }>("/alert-silences", { key: no, payload });
      this.said.say(T.silenced(no, state.state === "PROPOSED"));
      this.show();
    } catch (error) {
      if (!this.fields.refuse(error)) this.said.refuse(error);
    }
  }
}
