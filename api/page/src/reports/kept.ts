/** Questions that are kept: open, keep, share, schedule, retire, and the files that a schedule made. */

import { Answers, labelled, panel } from "../auditor/pane";
import { h } from "../dom";
import { said as saidOf } from "../problems";
import { type Cell, table } from "../table";
import { type Kept, command, deliveries, kept } from "./api";
import { type Definition, sent } from "./question";
import { T } from "./words";

const path = (no: string): string => `/pivots/${encodeURIComponent(no)}`;

export class KeptList {
  readonly element: HTMLElement;
  private readonly answers = new Answers();
  private readonly files = new Answers();
  private readonly number = h("input", { type: "text", id: "rep-no", maxlength: 64, autocomplete: "off", required: true });
  private readonly name = h("input", { type: "text", id: "rep-name", maxlength: 200, autocomplete: "off" });
  private readonly said = h("span", { role: "status" });

  constructor(
    private readonly question: () => Definition,
    private readonly onOpen: (one: Kept) => void,
  ) {
    const form = h("form", { class: "rep-keep" }, labelled(T.keepAs, this.number), labelled(T.name, this.name), h("button", { type: "submit", class: "plain" }, T.keep), this.said);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.keep();
    });
    this.element = panel("kept", T.kept, "", form, this.answers.element, this.files.element);
    this.refresh();
  }

  refresh(): void {
    void this.answers.ask(kept, ({ pivots }) => [pivots.length === 0 ? h("p", { class: "empty" }, T.noKept) : table(T.kept, [T.keepAs, T.name, "", T.schedule, ""], pivots.map((one) => this.row(one)))]);
  }

  private async keep(): Promise<void> {
    const no = this.number.value.trim();
    await this.give("/pivots", { pivot_no: no, title: this.name.value.trim() || no, definition: sent(this.question()) }, T.keptAs(no));
  }

  private async give(address: string, body: object, said: string): Promise<void> {
    try {
      await command(address, body);
      this.said.textContent = said;
    } catch (error) {
      this.said.textContent = T.failed(saidOf(error));
    }
    this.refresh();
  }

  private row(one: Kept): Cell[] {
    const button = (name: string, work: () => void): HTMLElement => h("button", { type: "button", class: "plain", "aria-label": `${name}: ${one.title}`, onclick: work }, name);
    const every = h("select", { "aria-label": `${T.schedule}: ${one.title}`, disabled: !one.is_own }, ...Object.entries(T.every).map(([value, name]) => h("option", { value }, name)));
    every.value = one.schedule?.every ?? "NEVER";
    every.addEventListener("change", () => void (every.value === "NEVER" ? this.give(`${path(one.pivot_no)}/unschedule`, {}, T.saved) : this.give(`${path(one.pivot_no)}/schedule`, { every: every.value }, T.saved)));
    const own = one.is_own ? [button(T.share, () => void this.give(`${path(one.pivot_no)}/share`, { roles: [] }, T.saved)), button(T.retire, () => void this.give(`${path(one.pivot_no)}/retire`, {}, T.saved))] : [];
    return [
      { content: h("button", { type: "button", class: "aud-open", onclick: () => this.onOpen(one) }, one.pivot_no) },
      { content: one.title },
      { content: `${one.is_own ? T.own : one.maker}${one.shared_with === null ? "" : `, ${T.shared}`} · ${T.revision(one.revision)}` },
      { content: every },
      { content: h("span", { class: "rep-files" }, button(T.deliveries, () => this.delivered(one)), ...own) },
    ];
  }

  private delivered(one: Kept): void {
    void this.files.ask(
      () => deliveries(one.pivot_no),
      ({ deliveries: found }) => [
        h("h4", {}, `${T.deliveries}: ${one.title}`),
        found.length === 0 ? h("p", { class: "empty" }, T.noDeliveries) : h("ul", { class: "rep-deliveries" }, ...found.map((file) => h("li", {}, h("a", { href: file.file, download: "" }, file.file_name)))),
      ],
    );
  }
}
