/** A text field for expressions that offers the words of the vocabulary while one is written. */

import { h, setHidden } from "../dom";

export interface Word {
  readonly name: string;
  readonly about: string;
}

const SHOWN_MAX = 8;

/** The word that is being written before `caret`: letters, digits and underscores. */
export const wordBefore = (text: string, caret: number): string => /[A-Za-z_][A-Za-z0-9_]*$/.exec(text.slice(0, caret))?.[0] ?? "";

/** What may be meant: names that begin with the word, then names that hold it; the word itself is no completion. */
export function completions(words: readonly Word[], word: string): readonly Word[] {
  if (word === "") return [];
  const low = word.toLowerCase();
  const begins = words.filter(({ name }) => name.startsWith(low) && name !== word);
  const holds = words.filter(({ name }) => !name.startsWith(low) && name.includes(low));
  return [...begins, ...(low.length > 2 ? holds : [])].slice(0, SHOWN_MAX);
}

export class Completion {
  readonly element: HTMLElement;
  private words: readonly Word[] = [];
  private found: readonly Word[] = [];
  private at = 0;
  private readonly list: HTMLUListElement;

  /** @param title what a screen reader calls the list */
  constructor(
    readonly area: HTMLTextAreaElement,
    title: string,
  ) {
    this.list = h("ul", { class: "ac-completions", role: "listbox", id: `${area.id}-list`, "aria-label": title, hidden: true });
    this.element = h("div", { class: "ac-completion" }, this.list);
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-controls", this.list.id);
    area.spellcheck = false;
    area.addEventListener("input", () => this.offer());
    area.addEventListener("blur", () => this.close());
    area.addEventListener("keydown", (event) => this.key(event));
  }

  know(words: readonly Word[]): void {
    this.words = words;
  }

  /** Puts `text` where the caret is. */
  put(text: string): void {
    const { selectionStart: from, selectionEnd: to } = this.area;
    this.area.setRangeText(text, from, to, "end");
    this.area.focus();
    this.area.dispatchEvent(new Event("change", { bubbles: true }));
  }

  private offer(): void {
    this.found = completions(this.words, wordBefore(this.area.value, this.area.selectionStart));
    this.at = 0;
    this.draw();
  }

  private draw(): void {
    const options = this.found.map(({ name, about }, at) => {
      const option = h("li", { role: "option", id: `${this.area.id}-option-${at}`, "aria-selected": String(at === this.at) }, h("b", {}, name), ` ${about}`);
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the text keeps the focus
        this.take(at);
      });
      return option;
    });
    this.list.replaceChildren(...options);
    setHidden(this.list, options.length === 0);
    if (options.length > 0) this.area.setAttribute("aria-activedescendant", `${this.area.id}-option-${this.at}`);
    else this.area.removeAttribute("aria-activedescendant");
  }

  private close(): void {
    this.found = [];
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    if (this.found.length === 0) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.draw();
    } else if (event.key === "Enter" || event.key === "Tab") this.take(this.at);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  private take(at: number): void {
    const word = this.found[at];
    const caret = this.area.selectionStart;
    if (word) this.area.setRangeText(word.name, caret - wordBefore(this.area.value, caret).length, caret, "end");
    this.close();
  }
}
