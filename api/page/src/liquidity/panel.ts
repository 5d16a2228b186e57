/** A section of the room: its heading, how current it is, and a body that is only touched when there is news. */

import { h, setHidden, setText } from "../dom";
import { said } from "../problems";
import { age, clock } from "../time";
import type { AnySource } from "./source";
import { T } from "./words";

export class Panel {
  readonly body = h("div", { class: "liq-body" });
  readonly element: HTMLElement;
  private readonly title: HTMLElement;
  private readonly about = h("span", { class: "quiet" });
  private readonly state = h("span", { class: "liq-state", role: "status" });
  private shown = "";

  constructor(
    readonly id: string,
    private readonly sources: readonly AnySource[],
  ) {
    this.title = h("h3", { id: `liq-${id}-title` });
    this.element = h("section", { class: `panel liq-${id}`, id: `liq-${id}`, "aria-labelledby": this.title.id }, h("header", {}, this.title, this.about, this.state), this.body);
  }

  name(title: string, about = ""): void {
    setText(this.title, title);
    setText(this.about, about);
  }

  /** How current its figures are; a panel that the server has nothing for is left out. */
  judge(now_ms: number): void {
    const [failure] = this.sources.flatMap((source) => source.failure ?? []);
    const old = this.sources.filter((source) => source.isStale(now_ms)).sort((a, b) => a.current_ms - b.current_ms)[0];
    this.element.classList.toggle("liq-stale", old !== undefined);
    const isWaiting = this.sources.every((source) => source.value === null);
    const why = failure && (old !== undefined || isWaiting) ? T.failed(said(failure)) : "";
    const since = old === undefined ? "" : `⚠ ${T.stale(clock(old.current_ms), age(now_ms - old.current_ms))}`;
    setText(this.state, [since, why].filter(Boolean).join(" · ") || (isWaiting ? T.loading : ""));
    setHidden(this.element, this.sources.every((source) => source.isMissing));
  }

  /** `build` runs if `figures`, all that it shows, are others than the last time; focus, what is open and scrolled stay. */
  fill(figures: unknown, build: () => readonly (Node | null)[]): void {
    const signature = JSON.stringify([T.title, figures]);
    if (signature === this.shown) return;
    this.shown = signature;
    const focused = this.body.contains(document.activeElement) ? document.activeElement?.id : undefined;
    const opened = [...this.body.querySelectorAll<HTMLDetailsElement>("details[open]")].map(({ id }) => id);
    const scrolled = new Map([...this.body.querySelectorAll(".scroll-x")].map((one) => [one.getAttribute("aria-label"), one.scrollLeft]));
    this.body.replaceChildren(...build().filter((node) => node !== null));
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    for (const one of this.body.querySelectorAll(".scroll-x")) one.scrollLeft = scrolled.get(one.getAttribute("aria-label")) ?? 0;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

const SIGNS: Readonly<Record<string, string>> = { green: "●", amber: "▲", red: "■" };

/** Never by colour alone: a sign of its own and a word. */
export function light(colour: "red" | "amber" | "green" | null): HTMLElement {
  return colour === null ? h("span", { class: "quiet" }, "–") : h("span", { class: `liq-light ${colour}` }, `${SIGNS[colour]} ${T.lights[colour]}`);
}
