/** The documents of a record: those that its history names, an upload, and papers made from the bank's templates. */

import type { Json, JsonObject } from "../calculations/api";
import { save } from "../calculations/export";
import { h, setHidden, setText } from "../dom";
import { kind, sentence } from "../problems";
import { Problem } from "../wire";
import type { Place } from "./address";
import { type Api, type Paper, type StoredEvent, newId } from "./api";
import { newName } from "./inputs";
import type { Opened } from "./load";
import { T } from "./words";

interface Template {
  readonly name: string;
  readonly aggregate: string;
  readonly title: string;
  readonly stages: readonly string[];
  /** Fields that a person fills, with their Chinese labels. */
  readonly entered: Readonly<Record<string, string>>;
}

const NAMED = /^docs$|^doc_id$|_doc$/;

/** Numbers of documents that events name, each once, the newest first. */
export function docsOf(events: readonly StoredEvent[]): string[] {
  const named = events.toReversed().flatMap(({ docs, payload }) => [...docs, ...Object.entries(payload).flatMap(([name, value]) => (NAMED.test(name) ? numbers(value as Json) : []))]);
  return [...new Set(named)].filter((number) => number !== "" && number !== "-");
}

const numbers = (value: Json): string[] => (Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : []);

export class PapersPane {
  readonly element = h("section", { class: "panel desk-papers", "aria-labelledby": "desk-papers-title" });
  private readonly said = h("p", { role: "status", hidden: true });
  private readonly templates = new Map<Api, Promise<readonly Template[]>>();
  private readonly kept = h("div", {});
  private listKept: () => void = () => undefined;
  private turn = 0;
  private readonly fresh = new Map<string, string[]>();

  /** @param added a document was stored; @param told the record heard of one, and has a new event */
  constructor(
    private readonly added: (paper: Paper) => void,
    private readonly told: () => void,
  ) {}

  async show(opened: Opened | null, api: Api): Promise<void> {
    this.turn += 1;
    const { turn } = this;
    setHidden(this.said, true);
    setHidden(this.element, opened === null || opened.state === null);
    if (opened === null || opened.state === null) return;
    this.listKept = () => this.drawKept(opened, api);
    this.listKept();
    const file = h("input", { type: "file", id: "desk-upload" });
    const entity = String(opened.state["entity"] ?? "");
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) void this.try(() => this.upload(api, chosen, entity, opened.place));
    });
    const body = h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "desk-papers-title" },
      this.kept,
      h("label", { for: file.id }, T.upload),
      file,
      this.said,
    );
    this.element.replaceChildren(h("header", {}, h("h3", { id: "desk-papers-title" }, T.papers)), body);
    const known = await this.templatesOf(api);
    if (turn !== this.turn) return; // the reader has gone on
    const stage = String(opened.state["state"] ?? opened.state["lifecycle"] ?? "");
    const fitting = known.filter((one) => one.aggregate === opened.place.kind && (one.stages.length === 0 || one.stages.includes(stage)));
    if (fitting.length > 0) body.append(this.writer(opened, api, fitting));
  }

  /** Documents that were stored here for a record and that none of its events names yet. */
  freshOf(place: Place): string[] {
    return this.fresh.get(`${place.kind}/${place.key}`) ?? [];
  }

  forget(place: Place): void {
    this.fresh.delete(`${place.kind}/${place.key}`);
  }

  private keep(place: Place, paper: Paper): void {
    this.fresh.set(`${place.kind}/${place.key}`, [...this.freshOf(place), paper.doc_id]);
    this.listKept();
    this.added(paper);
  }

  private drawKept(opened: Opened, api: Api): void {
    const kept = [...new Set([...this.freshOf(opened.place), ...docsOf(opened.events)])];
    const items = kept.map((doc_id) => h("li", {}, h("code", {}, doc_id), h("button", { type: "button", class: "link", onclick: () => void this.try(() => this.fetch(api, doc_id)) }, T.download)));
    this.kept.replaceChildren(items.length > 0 ? h("ul", {}, ...items) : h("p", { class: "quiet" }, T.noPapers));
  }

  private templatesOf(api: Api): Promise<readonly Template[]> {
    const known = this.templates.get(api) ?? api.get<{ templates: readonly Template[] }>("/documents/templates").then(({ templates }) => newest(templates), () => []);
    this.templates.set(api, known);
    return known;
  }

  private writer(opened: Opened, api: Api, templates: readonly Template[]): HTMLElement {
    const choice = h("select", { id: "desk-template" }, ...templates.map(({ name, title }) => h("option", { value: name }, title)));
    const box = h("div", { class: "desk-form" });
    const draw = (): void => {
      const template = templates.find(({ name }) => name === choice.value);
      const inputs = Object.entries(template?.entered ?? {}).map(([name, label]) => {
        const id = newName();
        return [name, h("input", { id, type: "text", autocomplete: "off" }), h("label", { for: id, lang: "zh-Hans" }, label)] as const;
      });
      const asked = (): JsonObject => ({ template: choice.value, key: opened.place.key, aggregate: opened.place.kind, fields: Object.fromEntries(inputs.map(([name, input]) => [name, input.value])) });
      const look = h("button", { type: "button", class: "plain", onclick: () => void this.try(() => this.look(api, asked())) }, T.lookAtPaper);
      const make = h("button", { type: "button", class: "plain", onclick: () => void this.try(() => this.make(api, asked(), opened.place)) }, T.makePaper);
      box.replaceChildren(...inputs.map(([, input, label]) => h("div", {}, label, input)), h("p", { class: "desk-buttons" }, make, look));
    };
    choice.addEventListener("change", draw);
    draw();
    return h("details", {}, h("summary", {}, T.template), h("label", { class: "visually-hidden", for: choice.id }, T.template), choice, box);
  }

  private async fetch(api: Api, doc_id: string): Promise<void> {
    const { name, content } = await api.file(`/attachments/${encodeURIComponent(doc_id)}/content`);
    save(name, content.type, content);
  }

  private async upload(api: Api, file: File, entity: string, place: Place): Promise<void> {
    const paper = await api.upload(file, entity);
    this.keep(place, paper);
    this.say(T.uploaded(`${paper.name} (${paper.doc_id}, ${T.bytes(paper.size)})`));
  }

  private async look(api: Api, asked: JsonObject): Promise<void> {
    const { name, content } = await api.file("/documents/render", { method: "POST", body: JSON.stringify(asked), headers: { "content-type": "application/json" } });
    save(name, content.type, content);
  }

  private async make(api: Api, asked: JsonObject, place: Place): Promise<void> {
    const { document, outcome } = await api.post<{ document: Paper; outcome: Json }>("/documents", { ...asked, cmd_id: newId() });
    if (outcome === null) this.keep(place, document); // else the record names it already
    this.say(T.uploaded(`${document.name} (${document.doc_id})`));
    if (outcome !== null) this.told();
  }

  private async try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.say(`${T.refused} ${[error.facts["field"], sentence(error.detail) || kind(error.message)].filter(Boolean).join(": ")}`);
    }
  }

  private say(what: string): void {
    setText(this.said, what);
    setHidden(this.said, false);
  }
}

/** One of each name: the last of its versions. */
function newest(templates: readonly Template[]): Template[] {
  return [...new Map(templates.map((one) => [one.name, one])).values()];
}
