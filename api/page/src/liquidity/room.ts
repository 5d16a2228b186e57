/**
 * The liquidity room at `#/liquidity`: ratios with their limits, what breaks, what is planned and what is to come in.
 *
 * Ratios come with the live stream and are asked for now and then besides; all else is asked for. A panel says so when its
 * figures are old, and is left out where the server has none.
 */

import "./style.css";

import { trusted } from "../board/marks";
import { Chart } from "../charts";
import { h, setHidden, setText } from "../dom";
import { onLanguage } from "../language";
import { order } from "../offsets";
import { LIQUIDITY, roomOf } from "../rooms";
import { clock } from "../time";
import type { Alert, AlertPage } from "../wire";
import { type Breach, type Breaking, type Disposal, type LimitRow, type Plan, type Ratios, type Recoveries, type RecoveryTotal, type Rows, type ScopeKind, isOpen } from "./api";
import { breakingTable } from "./breaking";
import { CARDS_MAX, cards, figureOf } from "./cards";
import { drawn, figures } from "./coverage";
import { LiveRatios } from "./live";
import { LIMITS_MAX, counted, limitsTable } from "./limits";
import { Panel } from "./panel";
import { breachesTable, planInFull, planOf, plansTable } from "./plans";
import { datesTable, totalsTable } from "./recoveries";
import { type Choice, isChosen, isWithin, limitsOf, patched, scopesOf } from "./rows";
import { type AnySource, Source } from "./source";
import { T, language, speak, wanted } from "./words";

const LOOK_MS = 1_000;
const CASES_MAX = 1_000;
const NARROW_PX = 520;
const isMember = (by: string): boolean => by === "organisation" || by === "business_line";

export class LiquidityRoom {
  private choice: Choice = { by: "", entity: "", currency: "" };
  private chosen: string | null = null; // the scope whose LCR is taken apart
  private wantsFocus = false;
  private chart: Chart | null = null;

  private readonly ratios = new Source<Ratios>("/ratios", 5_000, () => this.draw(), {}, (held, answer) => order(answer.offsets, held.offsets) === "before");
  private readonly limits = new Source<Rows<LimitRow>>("/limits", 5_000, () => this.draw());
  private readonly alerts = new Source<AlertPage>("/alerts", 10_000, () => this.draw(), { limit: "500" });
  private readonly breaches = new Source<Rows<Breach>>("/breaches", 5_000, () => this.draw());
  private readonly plans = new Source<Rows<Plan>>("/plans", 5_000, () => this.draw());
  private readonly breaking = new Source<Rows<Breaking>>("/reverse-stress", 20_000, () => this.draw());
  private readonly totals = new Source<Recoveries<RecoveryTotal>>("/recoveries", 20_000, () => this.draw(), { by: "kind" });
  private readonly disposals = new Source<Recoveries<Disposal>>("/recoveries", 20_000, () => this.draw(), { limit: String(CASES_MAX) });
  private readonly sources: readonly AnySource[] = [this.ratios, this.limits, this.alerts, this.breaches, this.plans, this.breaking, this.totals, this.disposals];

  private readonly scopesPanel = new Panel("scopes", [this.ratios]);
  private readonly madePanel = new Panel("made", [this.ratios]);
  private readonly limitsPanel = new Panel("limits", [this.ratios, this.limits]);
  private readonly casesPanel = new Panel("cases", [this.breaches, this.plans]);
  private readonly breakingPanel = new Panel("breaking", [this.breaking]);
  private readonly recoveriesPanel = new Panel("recoveries", [this.totals, this.disposals]);
  private readonly panels = [this.scopesPanel, this.madePanel, this.limitsPanel, this.casesPanel, this.breakingPanel, this.recoveriesPanel];

  private readonly live = new LiveRatios((event, isWhole) => this.takeRatios(event, isWhole), (alert) => this.takeAlert(alert));
  private readonly top = h("div", { class: "liq-top" });
  private readonly day = h("span", { class: "quiet" });
  private readonly current = h("span", { class: "quiet", id: "liq-current" });
  private readonly selects = (["by", "entity", "currency"] as const).map((name) => h("select", { id: `liq-${name}`, onchange: () => this.choose() }));

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      this.wantsFocus = true;
      this.look();
      this.draw();
    });
    addEventListener("focus", () => this.look());
    setInterval(() => this.look(), LOOK_MS);
    this.wantsFocus = planOf(location.hash) !== null;
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "liquidity";
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  /** What stands around the panels, in the present language. */
  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    const [by, entity, currency] = this.selects as [HTMLSelectElement, HTMLSelectElement, HTMLSelectElement];
    by.replaceChildren(...Object.entries(T.kinds).map(([value, name]) => h("option", { value }, name)));
    by.value = this.choice.by;
    const labelled = (title: string, select: HTMLSelectElement): HTMLElement => h("label", {}, h("span", { class: "quiet" }, title), " ", select);
    this.top.replaceChildren(h("h2", { tabindex: -1 }, T.title), labelled(T.by, by), labelled(T.entity, entity), labelled(T.currency, currency), this.day, this.current);
    this.box.replaceChildren(this.top, h("div", { class: "liq-grid" }, ...this.panels.map(({ element }) => element)));
    this.draw();
    this.look();
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  private look(): void {
    const now_ms = Date.now();
    this.live.look(this.isSeen && !isMember(this.choice.by), now_ms);
    if (!this.isSeen) return;
    for (const source of this.sources) void source.look(now_ms);
    for (const panel of this.panels) panel.judge(now_ms);
    setText(this.current, this.ratios.value === null || this.ratios.isStale(now_ms) ? "" : T.current(clock(this.ratios.current_ms)));
    this.box.toggleAttribute("data-stale", this.ratios.isStale(now_ms));
  }

  private choose(): void {
    const [by = "", entity = "", currency = ""] = this.selects.map(({ value }) => value);
    const before = this.choice.by;
    this.choice = { by: by as ScopeKind | "", entity, currency };
    this.chosen = null;
    if (by !== before && (isMember(by) || isMember(before))) this.ratios.turn(isMember(by) ? { by } : {});
    this.look();
    this.draw();
  }

  private takeRatios(event: Ratios, isWhole: boolean): void {
    const held = this.ratios.value;
    if (isMember(this.choice.by) || (held === null && !isWhole)) return;
    const next = held === null ? event : patched(held, event);
    if (next !== null) this.ratios.take(next);
  }

  private takeAlert(alert: Alert): void {
    const held = this.alerts.value;
    if (held) this.alerts.take({ ...held, alerts: [alert, ...held.alerts.filter(({ alert_id }) => alert_id !== alert.alert_id)] });
    for (const source of [this.limits, this.breaches, this.plans]) source.soon();
  }

  private draw(): void {
    const rows = this.ratios.value?.rows ?? [];
    this.fillSelects(rows.map(({ entity }) => entity).filter((entity) => entity !== "-"), rows.map(({ currency }) => currency));
    const day = this.ratios.value?.as_of;
    setText(this.day, day ? T.businessDate(day) : "");
    this.drawRatios();
    this.drawLimits();
    this.drawCases();
    this.drawBreaking();
    this.drawRecoveries();
    for (const panel of this.panels) panel.judge(Date.now());
  }

  private drawRatios(): void {
    const scopes = scopesOf(this.ratios.value?.rows ?? [], this.choice);
    const shown = scopes.find(({ key }) => key === this.chosen) ?? scopes.find(({ lcr }) => lcr !== null && lcr.numerator !== null) ?? scopes[0];
    this.scopesPanel.name(T.scopes, scopes.length > CARDS_MAX ? T.firstShown(CARDS_MAX, scopes.length) : "");
    const pick = (key: string): void => {
      this.chosen = key;
      this.draw();
    };
    if (this.ratios.value) {
      const { offsets } = this.ratios.value;
      this.scopesPanel.fill([scopes, shown?.key], () => [scopes.length === 0 ? h("p", { class: "empty" }, T.noScopes) : cards(scopes, shown?.key ?? null, pick, offsets)]);
    }
    const lcr = shown?.lcr ?? null;
    this.madePanel.name(T.made);
    setHidden(this.madePanel.body, lcr === null);
    this.madePanel.fill(lcr, () => {
      this.chart?.dispose();
      this.chart = null;
      if (lcr === null) return [];
      const { summary, isWarning } = drawn(lcr, false);
      const said = h("p", { class: isWarning ? "summary warning" : "summary" }, `${isWarning ? "⚠ " : ""}${summary} `, trusted(figureOf(lcr), lcr.scope === "group" ? "" : lcr.entity, this.ratios.value?.offsets));
      const canvas = h("div", { class: "liq-plot", role: "img", "aria-label": summary });
      this.chart = new Chart(canvas, (colours) => drawn(lcr, canvas.clientWidth < NARROW_PX).option(colours, canvas.clientWidth));
      return [said, canvas, figures(lcr)];
    });
    this.chart?.draw();
  }

  private drawLimits(): void {
    const ratios = (this.ratios.value?.rows ?? []).filter((row) => isChosen(row, this.choice));
    const open = (this.limits.value?.rows ?? []).filter((row) => isWithin(row, this.choice));
    const all = limitsOf(ratios, open, this.alerts.value?.alerts ?? []);
    this.limitsPanel.name(T.limits, [counted(all), all.length > LIMITS_MAX ? T.firstShown(LIMITS_MAX, all.length) : ""].filter(Boolean).join(" · "));
    if (this.ratios.value || this.limits.value) this.limitsPanel.fill(all, () => [all.length === 0 ? h("p", { class: "empty" }, T.noLimits) : limitsTable(all)]);
  }

  private drawCases(): void {
    const { entity } = this.choice;
    const ofEntity = (row: { entity: string }): boolean => entity === "" || row.entity === entity;
    const asked = planOf(location.hash);
    const breaches = (this.breaches.value?.rows ?? []).filter((row) => isOpen(row) && ofEntity(row));
    const plans = (this.plans.value?.rows ?? []).filter((row) => (isOpen(row) && ofEntity(row)) || row.plan_no === asked);
    const plan = plans.find(({ plan_no }) => plan_no === asked);
    this.casesPanel.name(T.breaches);
    if (!this.breaches.value && !this.plans.value) return;
    this.casesPanel.fill([breaches, plans, asked], () => [
      breaches.length === 0 && plans.length === 0 ? h("p", { class: "empty" }, T.noBreaches) : null,
      breaches.length > 0 ? breachesTable(breaches) : null,
      plans.length > 0 ? plansTable(plans, asked) : null,
      plan ? planInFull(plan) : null,
    ]);
    if (!this.wantsFocus || !this.isSeen) return;
    this.wantsFocus = asked !== null && plan === undefined;
    if (plan) document.getElementById("liq-plan-title")?.focus();
    else if (location.hash === LIQUIDITY) this.top.querySelector("h2")?.focus();
  }

  private drawBreaking(): void {
    const rows = (this.breaking.value?.rows ?? []).filter((row) => isWithin(row, this.choice));
    this.breakingPanel.name(T.breaking, T.breakingAbout);
    if (this.breaking.value) this.breakingPanel.fill(rows, () => [rows.length === 0 ? h("p", { class: "empty" }, T.noBreaking) : breakingTable(rows)]);
  }

  private drawRecoveries(): void {
    const totals = (this.totals.value?.rows ?? []).filter((row) => isWithin(row, this.choice));
    const disposals = (this.disposals.value?.rows ?? []).filter((row) => isWithin(row, this.choice));
    this.recoveriesPanel.name(T.recoveries);
    if (!this.totals.value) return;
    const { total = 0, rows = [] } = this.disposals.value ?? {};
    const isPart = rows.length < total;
    this.recoveriesPanel.fill([totals, disposals, isPart], () => [
      totals.length === 0 ? h("p", { class: "empty" }, T.noRecoveries) : totalsTable(totals),
      disposals.length === 0 ? null : h("h4", {}, T.nextDates, isPart ? h("span", { class: "quiet" }, ` ${T.nextOf(rows.length, total)}`) : null),
      disposals.length === 0 ? null : datesTable(disposals),
    ]);
  }

  private fillSelects(entities: readonly string[], currencies: readonly string[]): void {
    for (const [at, values] of [[1, entities], [2, currencies]] as const) {
      const select = this.selects[at];
      if (!select) continue;
      const names = [...new Set([...values, ...(select.value ? [select.value] : [])])].sort();
      const shown = JSON.stringify([T.all, names]);
      if (select.dataset["names"] === shown) continue; // an open list stays open
      const kept = select.value;
      select.dataset["names"] = shown;
      select.replaceChildren(h("option", { value: "" }, T.all), ...names.map((name) => h("option", { value: name }, name)));
      select.value = kept;
    }
  }
}
