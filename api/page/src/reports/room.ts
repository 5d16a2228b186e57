/** The reports room at `#/reports`: ask a pivot, keep it, schedule it; arrange dashboards. The address holds the question. */

import "../auditor/style.css";
import "./style.css";

import { failure } from "../auditor/pane";
import { speak as speakPane } from "../auditor/words";
import { h } from "../dom";
import { onLanguage } from "../language";
import { REPORTS, roomOf } from "../rooms";
import { run, sources } from "./api";
import { Boards } from "./boards";
import { Builder } from "./builder";
import { KeptList } from "./kept";
import { type Definition, packed, sent, unpacked } from "./question";
import { Result } from "./result";
import { T, language, speak, wanted } from "./words";

const TABS = ["pivot", "dashboards"] as const;
type Tab = (typeof TABS)[number];

export class ReportsRoom {
  private readonly tabs = h("nav", { class: "aud-tabs" });
  private readonly body = h("div", { class: "aud-body" });
  private readonly views = new Map<Tab, HTMLElement>();
  private shown = "";

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) === "reports") void this.show();
    });
    onLanguage(() => void this.begin());
    void this.begin();
  }

  private async begin(): Promise<void> {
    await Promise.all([speak(wanted()), speakPane(wanted())]);
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    this.views.clear();
    this.shown = "";
    this.tabs.setAttribute("aria-label", T.title);
    this.tabs.replaceChildren(...TABS.map((tab) => h("a", { href: `${REPORTS}/${tab}`, "data-tab": tab }, T.tabs[tab] ?? tab)));
    this.box.replaceChildren(h("div", { class: "aud-top" }, h("h2", { tabindex: -1 }, T.title), this.tabs), this.body);
    await this.show();
  }

  private async show(): Promise<void> {
    const [path = "", search = ""] = location.hash.slice(REPORTS.length + 1).split("?");
    const tab: Tab = path === "dashboards" ? "dashboards" : "pivot";
    for (const link of this.tabs.children) {
      if ((link as HTMLElement).dataset["tab"] === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    let view = this.views.get(tab);
    if (view === undefined) {
      view = tab === "pivot" ? await this.pivot() : new Boards().element;
      this.views.set(tab, view);
    }
    if (this.body.firstElementChild !== view) this.body.replaceChildren(view);
    const question = unpacked(new URLSearchParams(search).get("q") ?? "");
    if (tab === "pivot" && question !== null && packed(question) !== this.shown) this.ask(question);
  }

  private ask: (question: Definition) => void = () => undefined;

  private async pivot(): Promise<HTMLElement> {
    const view = h("div", { class: "aud-tab" });
    try {
      const { sources: all } = await sources();
      const result = new Result();
      const builder = new Builder(all, () => {
        location.hash = `${REPORTS}/pivot?q=${encodeURIComponent(packed(builder.question))}`;
        if (packed(builder.question) === this.shown) this.ask(builder.question);
      });
      builder.take(builder.question);
      this.ask = (question) => {
        this.shown = packed(question);
        builder.take(question);
        result.show(sent(question), () => run(sent(question)));
      };
      const list = new KeptList(
        () => builder.question,
        (one) => {
          builder.take({ ...builder.question, ...one.definition });
          location.hash = `${REPORTS}/pivot?q=${encodeURIComponent(packed(one.definition))}`;
        },
      );
      view.append(builder.element, result.element, list.element);
    } catch (error) {
      view.append(failure(error, () => void this.begin()));
    }
    return view;
  }
}
