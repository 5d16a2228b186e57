/** A JSON text with numbered lines, in which a field can be marked. Highlights nothing: the text is the input. */

import { h, setHidden, setText } from "../dom";
import { lineAt, locate } from "./locate";
import { TEXTS } from "./texts";

const LINES_MIN = 12;
const LINES_MAX = 32;

export class Editor {
  readonly element: HTMLElement;
  private readonly area: HTMLTextAreaElement;
  private readonly numbers = h("pre", { class: "numbers", "aria-hidden": "true" });
  private readonly problem = h("p", { class: "problem", id: "input-problem", role: "alert", hidden: true });
  private bad = 0;

  constructor(onRun: () => void, onChange: () => void) {
    this.area = h("textarea", { id: "input", class: "json", spellcheck: "false", wrap: "off", autocapitalize: "off", "aria-label": TEXTS.editor, "aria-describedby": "input-problem" });
    this.element = h("div", {}, h("div", { class: "editor" }, this.numbers, this.area), this.problem);
    this.area.addEventListener("input", () => {
      this.clear();
      this.number();
      onChange();
    });
    this.area.addEventListener("scroll", () => {
      this.numbers.scrollTop = this.area.scrollTop;
    });
    this.area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onRun();
    });
  }

  get text(): string {
    return this.area.value;
  }

  set text(text: string) {
    this.area.value = text;
    this.clear();
    this.number();
  }

  /** Says what is wrong, and selects the value at `path`, or the place that the message of broken JSON names. */
  mark(message: string, path: string): void {
    const broken = /\(char ([0-9]+)\)/.exec(message);
    const place = broken?.[1] === undefined ? null : Number(broken[1]);
    const span = place === null ? (path === "input" ? null : locate(this.text, path)) : { start: place, end: place + 1 };
    this.bad = span ? lineAt(this.text, span.start) : 0;
    setText(this.problem, `${span ? TEXTS.atLine(this.bad) : ""}${message}`);
    setHidden(this.problem, false);
    this.area.setAttribute("aria-invalid", "true");
    this.number();
    if (!span) return;
    this.area.focus();
    this.area.setSelectionRange(span.start, span.end);
    const height = this.area.scrollHeight / Math.max(1, this.text.split("\n").length);
    this.area.scrollTop = Math.max(0, (this.bad - 4) * height);
  }

  clear(): void {
    this.bad = 0;
    this.area.removeAttribute("aria-invalid");
    setHidden(this.problem, true);
  }

  private number(): void {
    const count = this.text.split("\n").length;
    this.area.rows = Math.min(LINES_MAX, Math.max(LINES_MIN, count + 1));
    const lines = Array.from({ length: count }, (_, at) => h("span", { class: at + 1 === this.bad ? "bad" : "" }, `${at + 1}\n`));
    this.numbers.replaceChildren(...lines);
  }
}
