/** One engine: an input with an example, what may be in it, and the result. */

import { h, setText } from "../dom";
import { kind, sentence } from "../problems";
import { CALCULATIONS } from "../rooms";
import { Problem } from "../wire";
import { type About, type JsonObject, compute } from "./api";
import { Editor } from "./editor";
import { pretty } from "./pretty";
import { ResultView } from "./result";
import { fieldsOf, skeleton } from "./schema";
import { TEXTS, words } from "./texts";

export class EngineView {
  readonly element: HTMLElement;
  private readonly editor = new Editor(() => void this.run(), () => this.changed());
  private readonly choice = h("select", { id: "variant" });
  private readonly source = h("span", { class: "quiet" });
  private readonly button = h("button", { type: "button", class: "primary", onclick: () => void this.run() }, TEXTS.compute);
  private readonly fields = h("tbody");
  private readonly state = h("p", { class: "quiet", role: "status" });
  private readonly output = h("div", { class: "output" });
  private readonly result: ResultView;
  private asked = "";
  private turn = 0;

  constructor(private readonly engine: About) {
    this.result = new ResultView(engine.name, this.output);
    const some = new Set(engine.examples.map((example) => example.variant));
    for (const { name } of engine.variants) this.choice.append(h("option", { value: name }, `${words(name)}${some.has(name) ? "" : ` (${TEXTS.noExample})`}`));
    const first = engine.examples[0]?.variant;
    if (first !== undefined) this.choice.value = first;
    this.choice.addEventListener("change", () => this.fill());
    this.element = h("div", { class: "calculations engine", "data-engine": engine.name }, this.head(), h("div", { class: "workbench" }, this.inputPanel(), this.resultPanel()));
  }

  begin(): void {
    this.fill();
  }

  close(): void {
    this.turn += 1;
    this.result.clear();
  }

  private head(): HTMLElement {
    return h(
      "header",
      { class: "catalogue" },
      h("p", {}, h("a", { href: CALCULATIONS, class: "back" }, `‹ ${TEXTS.all}`)),
      h("h2", { tabindex: -1 }, words(this.engine.name)),
      h("p", { class: "quiet" }, this.engine.description),
    );
  }

  private inputPanel(): HTMLElement {
    const several = this.engine.variants.length > 1;
    const heads = TEXTS.fieldHeads.map((name) => h("th", { scope: "col" }, name));
    const table = h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...heads)), this.fields);
    return h(
      "section",
      { class: "panel", "aria-labelledby": "input-title" },
      h("header", {}, h("h3", { id: "input-title" }, TEXTS.input), this.source),
      h("p", { class: "choice", hidden: !several }, h("label", { for: "variant" }, TEXTS.variant), " ", this.choice),
      this.editor.element,
      h(
        "p",
        { class: "actions" },
        this.button,
        h("button", { type: "button", class: "plain", onclick: () => this.fill() }, TEXTS.example),
        h("span", { class: "quiet" }, TEXTS.hint),
      ),
      h("details", { class: "raw" }, h("summary", {}, TEXTS.fields), h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": TEXTS.fields }, table)),
    );
  }

  private resultPanel(): HTMLElement {
    return h("section", { class: "panel", "aria-labelledby": "result-title" }, h("header", {}, h("h3", { id: "result-title" }, TEXTS.result), this.state), this.output);
  }

  /** The example of the chosen shape, computed at once; without one, the keys that it needs. */
  private fill(): void {
    const { value } = this.choice;
    const example = this.engine.examples.find((one) => one.variant === value);
    this.editor.text = pretty(example?.input ?? skeleton(this.engine.schema, value));
    setText(this.source, example ? TEXTS.exampleFrom(example.source) : TEXTS.skeleton);
    this.fields.replaceChildren(
      ...fieldsOf(this.engine.schema, value).map((field) =>
        h("tr", {}, h("th", { scope: "row" }, h("code", {}, field.path)), h("td", {}, field.type), h("td", {}, field.required ? TEXTS.needed : TEXTS.optional), h("td", { class: "long" }, field.description)),
      ),
    );
    this.result.clear();
    setText(this.state, TEXTS.noResult);
    if (example) void this.run();
  }

  private changed(): void {
    if (this.asked !== "") setText(this.state, this.asked === this.editor.text ? "" : TEXTS.resultOld);
    this.output.classList.toggle("old", this.asked !== this.editor.text);
  }

  private async run(): Promise<void> {
    const text = this.editor.text;
    this.turn += 1;
    const { turn } = this;
    this.button.disabled = true;
    setText(this.state, TEXTS.computing);
    try {
      const answer = await compute(this.engine.name, text);
      if (turn !== this.turn) return; // the reader has gone on
      this.asked = text;
      this.editor.clear();
      this.result.show(JSON.parse(text) as JsonObject, answer);
      setText(this.state, "");
      this.changed();
    } catch (error) {
      if (turn !== this.turn) return;
      this.asked = "";
      this.result.clear();
      setText(this.state, TEXTS.noResult);
      this.fail(error);
    } finally {
      this.button.disabled = false;
    }
  }

  private fail(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    const field = error.facts["field"];
    this.editor.mark(sentence(error.detail) || kind(error.message), typeof field === "string" ? field : "input");
  }
}
