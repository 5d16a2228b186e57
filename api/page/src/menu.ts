/** The way to the rooms: all of them in groups where there is room for it, behind a button where there is not. */

import { byId, setText } from "./dom";

export class RoomsMenu {
  private readonly button = byId<HTMLButtonElement>("rooms-open");
  private readonly rooms = byId("rooms");

  constructor() {
    this.button.addEventListener("click", () => this.open(this.button.getAttribute("aria-expanded") !== "true"));
    this.rooms.addEventListener("click", (event) => {
      if ((event.target as Element).closest("a")) this.open(false);
    });
    for (const element of [this.button, this.rooms]) {
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.button.getAttribute("aria-expanded") !== "true") return;
        this.open(false);
        this.button.focus();
      });
      element.addEventListener("focusout", ({ relatedTarget }) => {
        const next = relatedTarget as Node | null;
        if (next && next !== this.button && !this.rooms.contains(next)) this.open(false);
      });
    }
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.rooms.contains(target as Node) && !this.button.contains(target as Node)) this.open(false);
    });
    addEventListener("hashchange", () => this.describe());
    this.describe();
  }

  /** The button says which room this is. */
  describe(): void {
    setText(byId("rooms-here"), this.rooms.querySelector("[aria-current]")?.textContent ?? "");
  }

  private open(isOpen: boolean): void {
    this.button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.rooms.querySelector<HTMLElement>("[aria-current]")?.focus();
  }
}
