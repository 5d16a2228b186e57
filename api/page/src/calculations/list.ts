/** All engines by group, with a filter. Arrows lead through the names, `/` back to the filter. */

import { h, setHidden, setText } from "../dom";
import { CALCULATIONS } from "../rooms";
import type { Named } from "./api";
import { GROUPS, OTHERS, TEXTS, words } from "./texts";

export interface Group {
  readonly key: string;
  readonly engines: readonly Named[];
}

/** The engines in their groups; those that no group names come last, so that none is lost. */
export function grouped(named: readonly Named[]): Group[] {
  const byName = new Map(named.map((one) => [one.name, one]));
  const known = new Set(GROUPS.flatMap((group) => group.engines));
  const groups = GROUPS.map(({ key, engines }) => ({ key, engines: engines.flatMap((name) => byName.get(name) ?? []) }));
  const others = { ...OTHERS, engines: named.filter((one) => !known.has(one.name)) };
  return [...groups, others].filter((group) => group.engines.length > 0);
}

/** Every word of the filter stands somewhere in the name or the description. */
export function matches(one: Named, filter: string): boolean {
  const all = `${one.name} ${words(one.name)} ${one.description}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

export class EngineList {
  readonly element: HTMLElement;
  private readonly filter = h("input", { type: "search", id: "calculations-filter", placeholder: TEXTS.filterHint, autocomplete: "off" });
  private readonly count = h("span", { class: "quiet", role: "status" });
  private readonly none = h("p", { class: "empty", hidden: true }, TEXTS.none);
  private readonly items: { one: Named; item: HTMLElement; link: HTMLAnchorElement }[] = [];
  private readonly sections: HTMLElement[] = [];

  constructor(named: readonly Named[]) {
    for (const { key, engines } of grouped(named)) this.sections.push(this.section(key, TEXTS.groups[key] ?? key, engines));
    const head = h(
      "header",
      { class: "catalogue" },
      h("h2", { tabindex: -1 }, TEXTS.title),
      h("p", { class: "quiet" }, TEXTS.about),
      h("p", { class: "find" }, h("label", { for: "calculations-filter" }, TEXTS.filter), this.filter, this.count),
    );
    this.element = h("div", { class: "calculations" }, head, this.none, h("div", { class: "groups" }, ...this.sections));
    this.filter.addEventListener("input", () => this.apply());
    this.element.addEventListener("keydown", (event) => this.move(event));
    this.apply();
  }

  begin(): void {
    this.filter.focus();
  }

  private section(key: string, title: string, engines: readonly Named[]): HTMLElement {
    const items = engines.map((one) => {
      const link = h("a", { href: `${CALCULATIONS}/${one.name}` }, words(one.name));
      const item = h("li", {}, link, h("code", { class: "quiet" }, one.name), h("p", { class: "quiet" }, one.description));
      this.items.push({ one, item, link });
      return item;
    });
    const id = `group-${key}`;
    return h("section", { class: "panel", "data-group": key, "aria-labelledby": id }, h("header", {}, h("h3", { id }, title)), h("ul", {}, ...items));
  }

  private apply(): void {
    const { value } = this.filter;
    for (const { one, item } of this.items) setHidden(item, !matches(one, value));
    for (const section of this.sections) setHidden(section, section.querySelector("li:not([hidden])") === null);
    const shown = this.links().length;
    setText(this.count, TEXTS.counted(shown, this.items.length));
    setHidden(this.none, shown > 0);
  }

  private links(): HTMLAnchorElement[] {
    return this.items.filter(({ item }) => !item.hidden).map(({ link }) => link);
  }

  private move(event: KeyboardEvent): void {
    const links = this.links();
    const at = links.findIndex((link) => link === document.activeElement);
    const isTyping = document.activeElement === this.filter;
    if (event.key === "/" && !isTyping) {
      event.preventDefault();
      this.filter.select();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || (at < 0 && !isTyping)) return;
    event.preventDefault();
    (links[at + step] ?? (at + step < 0 ? this.filter : links[at]))?.focus();
  }
}
