/** The alert centre at `#/alerts`: the list and one alert, rules, subscriptions, silences, deliveries. */

import "../auditor/style.css";
import "./style.css";

import { speak as speakPane } from "../auditor/words";
import { h } from "../dom";
import { onLanguage } from "../language";
import { ALERTS, roomOf } from "../rooms";
import { me } from "./api";
import { DeliveriesView } from "./delivered";
import { AlertsView } from "./list";
import { AlertView } from "./one";
import { RulesView } from "./rules";
import { SilencesView } from "./silences";
import { SubscriptionsView } from "./subscriptions";
import { TeamsView } from "./teams";
import { T, language, speak, wanted } from "./words";

const TABS = ["alerts", "rules", "subscriptions", "teams", "silences", "deliveries"] as const;
type Tab = (typeof TABS)[number];

interface View {
  readonly element: HTMLElement;
  /** The reader came back to it. */
  enter?(rest: string): void;
}

const MAKE: Readonly<Record<Tab, (rest: string) => View | Promise<View>>> = {
  alerts: () => new AlertsView(),
  rules: (rest) => new RulesView(rest),
  subscriptions: async () => new SubscriptionsView(await me()),
  teams: async () => new TeamsView(await me()),
  silences: async () => new SilencesView(await me()),
  deliveries: () => new DeliveriesView(),
};

export class AlertCentreRoom {
  private readonly tabs = h("nav", { class: "aud-tabs" });
  private readonly body = h("div", { class: "aud-body" });
  private readonly views = new Map<Tab, View>();
  private shown: string | null = null;

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) === "alerts") void this.show();
    });
    onLanguage(() => void this.begin());
    void this.begin();
  }

  /** In the language of the page, which the header's switch changes. */
  private async begin(): Promise<void> {
    await Promise.all([speak(wanted()), speakPane(wanted())]);
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    this.views.clear();
    this.shown = null;
    this.tabs.setAttribute("aria-label", T.title);
    this.tabs.replaceChildren(...TABS.map((tab) => h("a", { href: tab === "alerts" ? ALERTS : `${ALERTS}/${tab}`, "data-tab": tab }, T.tabs[tab] ?? tab)));
    this.box.replaceChildren(h("div", { class: "aud-top" }, h("h2", { tabindex: -1 }, T.title), this.tabs), this.body);
    await this.show();
  }

  /** `#/alerts/rules/NO` is a place of a tab, `#/alerts/ID` one alert, as messages link to it. */
  private async show(): Promise<void> {
    const [first = "", ...more] = (location.hash.slice(ALERTS.length + 1).split("?")[0] ?? "").split("/").map(decodeURIComponent);
    const tab = TABS.find((one) => one === first) ?? "alerts";
    const isOne = tab !== first && first !== "";
    for (const link of this.tabs.children) {
      if ((link as HTMLElement).dataset["tab"] === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const place = isOne ? first : `${tab}/${more.join("/")}`;
    if (place === this.shown) return;
    this.shown = place;
    if (isOne) return this.body.replaceChildren(new AlertView(first).element);
    const known = this.views.get(tab);
    const view = known ?? (await MAKE[tab](more.join("/")));
    if (place !== this.shown) return;
    this.views.set(tab, view);
    if (this.body.firstElementChild !== view.element) this.body.replaceChildren(view.element);
    if (known) known.enter?.(more.join("/"));
  }
}
