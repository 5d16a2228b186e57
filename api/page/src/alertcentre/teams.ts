/** Teams: their members with an address each, and who is told next when nobody acknowledges; founded, changed, disbanded. */

import { Answers, empty, panel } from "../auditor/pane";
import { h } from "../dom";
import { plain, table } from "../table";
import type { Me } from "../wire";
import { CHANNELS, type Case, cases, command } from "./api";
import { Said, button, parts, select, stateOf } from "./pieces";
import { T, language, named } from "./words";

export interface Member {
  readonly person: string;
  readonly channel: string;
  readonly target: string;
  readonly language?: string;
}

export interface Level {
  readonly after_minutes: number;
  readonly persons: readonly string[];
}

const membersOf = (team: Case): readonly Member[] => (team["members"] as readonly Member[] | undefined) ?? [];
const levelsOf = (team: Case): readonly Level[] => (team["levels"] as readonly Level[] | undefined) ?? [];

/** Lines of a form that the reader adds and removes; what is left empty is no line. */
export class Lines<V> {
  readonly element: HTMLFieldSetElement;
  private readonly list = h("div", { class: "ac-lines" });
  private readonly lines: { readonly element: HTMLElement; read(): V | null }[] = [];

  constructor(
    title: string,
    add: string,
    private readonly make: (value: V | null, number: number) => { readonly fields: readonly HTMLElement[]; read(): V | null },
  ) {
    this.element = h("fieldset", { class: "ac-set" }, h("legend", {}, title), this.list, button(add, () => this.add(null)?.querySelector("input")?.focus()));
  }

  put(values: readonly V[]): void {
    this.lines.length = 0;
    this.list.replaceChildren();
    for (const value of values) this.add(value);
    if (values.length === 0) this.add(null);
  }

  get values(): V[] {
    return this.lines.map((line) => line.read()).filter((value): value is V => value !== null);
  }

  private add(value: V | null): HTMLElement {
    const number = this.lines.length + 1;
    const { fields, read } = this.make(value, number);
    const remove = button(T.removeLine, () => this.remove(line), { "aria-label": `${T.removeLine} ${number}` });
    const line = { element: h("div", { class: "ac-line" }, ...fields, remove), read };
    this.lines.push(line);
    this.list.append(line.element);
    return line.element;
  }

  private remove(line: (typeof this.lines)[number]): void {
    const at = this.lines.indexOf(line);
    this.lines.splice(at, 1);
    line.element.remove();
    (this.lines[Math.min(at, this.lines.length - 1)]?.element ?? this.element).querySelector<HTMLElement>("input, button")?.focus();
  }
}

const field = (title: string, control: HTMLElement): HTMLElement => h("label", { class: "ac-field" }, h("span", { class: "quiet" }, title), control);

function memberLine(value: Member | null): { readonly fields: readonly HTMLElement[]; read(): Member | null } {
  const person = h("input", { type: "text", maxlength: 64, size: 12, autocomplete: "off", value: value?.person ?? "" });
  const channel = select(Object.fromEntries(CHANNELS.map((name) => [name, named(T.channels, name)])));
  const target = h("input", { type: "text", maxlength: 600, size: 26, autocomplete: "off", placeholder: T.addressHint, value: value?.target ?? "" });
  const words = select({ en: "English", zh: "中文" });
  channel.value = value?.channel ?? "email";
  words.value = value?.language ?? language;
  return {
    fields: [field(T.person, person), field(T.channel, channel), field(T.address, target), field(T.messageLanguage, words)],
    read: () => (person.value.trim() === "" && target.value.trim() === "" ? null : { person: person.value.trim(), channel: channel.value, target: target.value.trim(), language: words.value }),
  };
}

function levelLine(value: Level | null): { readonly fields: readonly HTMLElement[]; read(): Level | null } {
  const minutes = h("input", { type: "number", min: 1, max: 1_440, value: value ? String(value.after_minutes) : "" });
  const persons = h("input", { type: "text", maxlength: 400, size: 26, autocomplete: "off", value: value?.persons.join(", ") ?? "" });
  return {
    fields: [field(T.afterMinutes, minutes), field(T.tells, persons)],
    read: () => (minutes.value === "" && persons.value.trim() === "" ? null : { after_minutes: Number(minutes.value), persons: parts(persons.value) }),
  };
}

export class TeamsView {
  readonly element: HTMLElement;
  private known: Case | null = null;
  private readonly answers = new Answers();
  private readonly said = new Said();
  private readonly no = h("input", { type: "text", id: "ac-team-no", maxlength: 64, autocomplete: "off", required: true });
  private readonly name = h("input", { type: "text", id: "ac-team-title", maxlength: 200, autocomplete: "off" });
  private readonly members = new Lines<Member>(T.members, T.addMember, memberLine);
  private readonly levels = new Lines<Level>(T.levels, T.addLevel, levelLine);
  private readonly submit = h("button", { type: "submit", class: "primary" }, T.foundTeam);

  constructor(private readonly who: Me) {
    const form = h(
      "form",
      { class: "ac-form", id: "ac-team-form" },
      h("div", { class: "ac-line" }, field(T.subscriptionNo, this.no), field(T.titleField, this.name)),
      this.members.element,
      this.levels.element,
      h("div", { class: "ac-line" }, this.submit),
      this.said.element,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.store();
    });
    const top = h("div", { class: "ac-line ac-top" }, button(T.newTeam, () => this.edit(null)));
    this.element = h("div", { class: "aud-tab" }, panel("teams", T.teams, T.teamsAbout, top, this.answers.element), panel("team", T.newTeam, "", form));
    this.take(null);
    this.show();
  }

  private show(): void {
    void this.answers.ask(
      () => cases("alert-teams"),
      ({ rows }) => [rows.length === 0 ? empty(T.noTeams) : table(T.teams, T.teamHeads, rows.map((row) => this.row(row)))],
    );
  }

  private edit(row: Case | null): void {
    this.take(row);
    this.said.say("");
    const title = document.getElementById("aud-team-title");
    if (title) title.textContent = row === null ? T.newTeam : `${T.edit}: ${String(row["team_no"])}`;
    title?.focus();
  }

  /** A new team begins with its founder. */
  private take(row: Case | null): void {
    this.known = row;
    this.no.value = row === null ? "" : String(row["team_no"]);
    this.no.readOnly = row !== null;
    this.name.value = typeof row?.["title"] === "string" ? row["title"] : "";
    this.members.put(row === null ? [{ person: this.who.actor, channel: "email", target: "" }] : membersOf(row));
    this.levels.put(row === null ? [] : levelsOf(row));
    this.submit.textContent = row === null ? T.foundTeam : T.saveChange;
  }

  private row(row: Case): ReturnType<typeof plain>[] {
    const no = String(row["team_no"]);
    const path = `/alert-teams/${encodeURIComponent(no)}`;
    const act = (name: string, work: () => void): HTMLElement => button(name, work, { "aria-label": `${name}: ${no}` });
    const acts = [act(T.edit, () => this.edit(row)), act(T.disband, () => void this.said.of(() => command(`${path}/disband`, {}), () => T.ended(no)).then(() => this.show()))];
    return [
      plain(no),
      plain(String(row["title"] ?? "")),
      plain(stateOf(T.caseStates, row.state)),
      plain(membersOf(row).map(({ person, channel }) => `${person} (${named(T.channels, channel)})`).join(", "), "ac-wide"),
      plain(levelsOf(row).map((level) => T.level(level.after_minutes, level.persons.join(", "))).join("; "), "ac-wide"),
      plain(row.state === "FOUNDED" ? h("span", { class: "ac-buttons" }, ...acts) : ""),
    ];
  }

  private async store(): Promise<void> {
    const no = this.no.value.trim();
    const title = this.name.value.trim();
    const payload = { ...(title === "" ? {} : { title }), members: this.members.values, levels: this.levels.values };
    const { known } = this;
    const send = (): Promise<unknown> => (known === null ? command("/alert-teams", { key: no, payload }) : command(`/alert-teams/${encodeURIComponent(no)}/change`, { payload, expected_version: known.version }));
    if ((await this.said.of(send, () => T.subscribed(no))) === null) return;
    this.take(null);
    this.show();
  }
}
