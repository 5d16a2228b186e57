/**
 * The auditor's room at `#/audit`: proofs, timelines, ledgers, past moments, what would have been, traces. Everything can
 * be had at the command line too; the address says what is looked at, so that it can be sent to somebody else.
 */

import "./style.css";

import { h } from "../dom";
import { onLanguage } from "../language";
import { AUDIT, roomOf } from "../rooms";
import { type Tab, TABS, addressOf, placeOf } from "./address";
import { CasesView } from "./cases";
import { LedgersView } from "./ledgers";
import type { View } from "./pane";
import { PastView } from "./past";
import { ProofsView } from "./proofs";
import { TraceView } from "./trace";
import { WhatIfView } from "./whatif";
import { T, language, speak, wanted } from "./words";

const MAKE: Readonly<Record<Tab, () => View>> = {
  proofs: () => new ProofsView(),
  cases: () => new CasesView(),
  ledgers: () => new LedgersView(),
  moments: () => new PastView(),
  whatif: () => new WhatIfView(),
  trace: () => new TraceView(),
};

export class AuditorRoom {
  private readonly tabs = h("nav", { class: "aud-tabs" });
  private readonly body = h("div", { class: "aud-body" });
  private views = new Map<Tab, View>();

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) === "audit") this.show(true);
    });
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  /** Everything anew in the present language. */
  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    this.views = new Map();
    this.tabs.setAttribute("aria-label", T.title);
    this.tabs.replaceChildren(...TABS.map((tab) => h("a", { href: addressOf(tab), "data-tab": tab }, T.tabs[tab])));
    this.box.replaceChildren(h("div", { class: "aud-top" }, h("h2", { tabindex: -1 }, T.title), this.tabs), this.body);
    this.show(false);
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  /** @param moved whether the reader came from another address: the heading takes the focus at another tab */
  private show(moved: boolean): void {
    const place = placeOf(location.hash);
    let view = this.views.get(place.tab);
    if (view === undefined) {
      view = MAKE[place.tab]();
      this.views.set(place.tab, view);
    }
    for (const link of this.tabs.children) {
      if ((link as HTMLElement).dataset["tab"] === place.tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const isOther = this.body.firstElementChild !== view.element;
    if (isOther) this.body.replaceChildren(view.element);
    view.show(place);
    if (moved && isOther && location.hash !== AUDIT) view.element.querySelector<HTMLElement>("h3")?.focus();
  }
}
