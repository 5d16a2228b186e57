/** Fields of a form that show a refusal where the server says it is wrong: at the field, and at the place in its text. */

import { h } from "../dom";
import { said } from "../problems";
import { Problem } from "../wire";
import { placeIn } from "./pieces";
import { T } from "./words";

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export class Fields {
  private readonly controls = new Map<string, { readonly control: Control; readonly error: HTMLElement }>();

  /** A labelled control under the server's name of the field. */
  add(name: string, title: string, control: Control, hint = ""): HTMLElement {
    const error = h("span", { class: "failed ac-error", id: `${control.id}-error` });
    const about = hint === "" ? null : h("span", { class: "quiet ac-hint", id: `${control.id}-hint` }, hint);
    control.setAttribute("aria-describedby", [error.id, about?.id].filter(Boolean).join(" "));
    this.controls.set(name, { control, error });
    return h("div", { class: "ac-field" }, h("label", { for: control.id, class: "quiet" }, title), control, about, error);
  }

  /** The server may name the field `name` also as `other`. */
  alias(other: string, name: string): void {
    const found = this.controls.get(name);
    if (found) this.controls.set(other, found);
  }

  clear(): void {
    for (const { control, error } of this.controls.values()) {
      control.removeAttribute("aria-invalid");
      error.replaceChildren();
    }
  }

  /** Whether a field of ours took the refusal: it is named there, and the reader stands at its place. */
  refuse(error: unknown): boolean {
    const name = error instanceof Problem ? error.facts["field"] : undefined;
    const found = typeof name === "string" ? this.controls.get(name.split(/[.[]/)[0] ?? name) : undefined;
    if (found === undefined || !(error instanceof Problem)) return false;
    const { control, error: shown } = found;
    const place = placeIn(control.value, error.detail);
    const around = place === null ? "" : control.value.slice(place).split(/[\s)]/)[0];
    shown.replaceChildren(said(error), ...(around ? [" ", h("b", {}, T.at(around))] : []));
    control.setAttribute("aria-invalid", "true");
    control.focus();
    if (place !== null && control instanceof HTMLTextAreaElement) control.setSelectionRange(place, place + (around?.length ?? 0));
    return true;
  }
}
