/** A tab of the room: asks, waits, and shows what came last; an answer that was overtaken is dropped. */

import { h } from "../dom";
import { said } from "../problems";
import type { Place } from "./address";
import { T } from "./words";

export interface View {
  readonly element: HTMLElement;
  /** @param place where the reader is now; asked at each change of it, and of the language */
  show(place: Place): void;
}

export class Answers {
  readonly element = h("div", { class: "aud-answer" });
  private visit = 0;

  /** Shows what `draw` makes of what `work` gives; a failure with a way to try again. */
  async ask<T>(work: () => Promise<T>, draw: (found: T) => readonly (Node | null)[]): Promise<void> {
    this.visit += 1;
    const { visit } = this;
    this.element.setAttribute("aria-busy", "true");
    if (this.element.childElementCount === 0) this.element.append(h("p", { class: "spinner", role: "status" }, T.loading));
    try {
      const found = await work();
      if (visit === this.visit) this.put(...draw(found));
    } catch (error) {
      if (visit === this.visit) this.put(failure(error, () => void this.ask(work, draw)));
    }
  }

  put(...nodes: readonly (Node | null)[]): void {
    this.visit += 1;
    this.element.removeAttribute("aria-busy");
    this.element.replaceChildren(...nodes.filter((node) => node !== null));
  }
}

export function failure(error: unknown, again: (() => void) | null): HTMLElement {
  const why = said(error);
  const retry = again && h("p", {}, h("button", { type: "button", class: "plain", onclick: again }, T.again));
  return h("div", { class: "failure", role: "alert" }, h("p", {}, T.failed(why)), retry);
}

export const empty = (text: string): HTMLElement => h("p", { class: "empty" }, text);

export function panel(id: string, title: string, about: string, ...children: (Node | null)[]): HTMLElement {
  const named = h("h3", { id: `aud-${id}-title`, tabindex: -1 }, title);
  const box = h("section", { class: "panel", id: `aud-${id}`, "aria-labelledby": named.id }, h("header", {}, named, h("span", { class: "quiet" }, about)));
  box.append(...children.filter((child) => child !== null));
  return box;
}

/** A labelled control. */
export function labelled(title: string, control: HTMLElement): HTMLElement {
  return h("label", {}, h("span", { class: "quiet" }, title), control);
}
