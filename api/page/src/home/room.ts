/**
 * The home view at `#/home`: tiles that each person arranges, by pointer or by keyboard, saved as an event of their own.
 *
 * A tile's content is drawn anew once a second at most; nothing here adds anything up.
 */

import "../board/style.css";
import "./style.css";

import { h, setHidden, setText } from "../dom";
import { onLanguage } from "../language";
import { live } from "../live";
import { paced } from "../pace";
import { said } from "../problems";
import { roomOf } from "../rooms";
import { age } from "../time";
import { Problem, fetchJson, get, url } from "../wire";
import { T, language, speak, wanted } from "../board/words";
import { SIZES, type Size, type Tile, type WidgetName, changed, moved, ofRole, placed, restored } from "./layout";
import { contents } from "./tiles";

const DRAW_MS = 1_000;

interface Saved {
  widgets: { widget: string; size: string; hidden: boolean }[] | null;
}

export class HomeRoom {
  private tiles: Tile[] = ofRole(live.me?.roles ?? []);
  private arranging = false;
  private dragged: WidgetName | null = null;
  private saving: Promise<void> = Promise.resolve();
  private readonly bodies = new Map<WidgetName, HTMLElement>();
  private readonly top = h("div", { class: "board-top" });
  private readonly banner = h("p", { class: "board-banner", role: "status", hidden: true });
  private readonly said = h("span", { class: "quiet", role: "status", id: "home-said" });
  private readonly grid = h("div", { class: "home-grid" });
  private readonly hiddenOnes = h("div", { class: "home-hidden" });
  private readonly draw = paced(DRAW_MS, () => this.fill());
  private readonly contents = contents(this.draw);

  constructor(private readonly box: HTMLElement) {
    live.store.on(["positions", "gap", "alerts"], this.draw);
    live.trust.onNews(this.draw);
    live.onLink(() => this.look());
    addEventListener("hashchange", () => {
      this.look();
      this.draw();
    });
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "home";
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
    try {
      const { widgets } = await get<Saved>("/me/layout");
      this.tiles = restored(widgets, live.me?.roles ?? []);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // without what was saved the role's own stands
    }
    this.arrange();
    this.look();
  }

  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    const arrange = h("button", { type: "button", class: "plain", id: "home-arrange", "aria-pressed": String(this.arranging), onclick: () => this.setArranging(!this.arranging) }, this.arranging ? T.done : T.arrange);
    const reset = h("button", { type: "button", class: "plain", hidden: !this.arranging, onclick: () => this.change(ofRole(live.me?.roles ?? [])) }, T.reset);
    this.top.replaceChildren(h("h2", {}, T.home), arrange, reset, this.said);
    const hint = h("p", { class: "quiet home-note", hidden: !this.arranging }, T.arrangeHint);
    this.box.replaceChildren(this.top, this.banner, hint, h("div", { class: "home-body" }, this.grid, this.hiddenOnes));
    this.arrange();
  }

  private setArranging(on: boolean): void {
    this.arranging = on;
    this.frame();
    document.getElementById("home-arrange")?.focus();
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  /** Takes an arrangement over and saves it, one after the other. */
  private change(tiles: Tile[], focus?: string): void {
    this.tiles = tiles;
    this.arrange();
    if (focus !== undefined) document.getElementById(focus)?.focus();
    this.saving = this.saving.then(() => this.save(tiles));
  }

  private async save(tiles: readonly Tile[]): Promise<void> {
    if (tiles !== this.tiles) return; // a later arrangement waits, which holds this one
    try {
      await fetchJson<Saved>(url("/me/layout"), 10_000, { method: "PUT", body: JSON.stringify({ widgets: tiles }) });
      if (tiles === this.tiles) setText(this.said, T.saved);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setText(this.said, T.notSaved(said(error)));
    }
  }

  private arrange(): void {
    this.bodies.clear();
    const shown = this.tiles.filter(({ hidden }) => !hidden);
    this.grid.replaceChildren(...shown.map((tile, at) => this.panel(tile, at, shown.length)));
    const hidden = this.tiles.filter((tile) => tile.hidden);
    setHidden(this.hiddenOnes, !this.arranging || hidden.length === 0);
    this.hiddenOnes.replaceChildren(h("h3", {}, T.hidden), ...hidden.map(({ widget }) => h("button", { type: "button", class: "plain", onclick: () => this.change(changed(this.tiles, widget, { hidden: false }), `home-${widget}-size`) }, T.show(this.name(widget)))));
    this.fill();
  }

  private readonly name = (widget: WidgetName): string => T.widgets[widget] ?? widget;

  private panel(tile: Tile, at: number, of: number): HTMLElement {
    const { widget } = tile;
    const body = h("div", { class: "home-tile" });
    this.bodies.set(widget, body);
    const title = h("h3", { id: `home-${widget}` }, this.name(widget));
    const more = h("a", { href: this.contents[widget].room, class: "home-open", "aria-label": T.openRoom(this.name(widget)) }, "→");
    const head = h("header", this.arranging ? { draggable: "true", class: "home-drag" } : {}, title, ...(this.arranging ? this.controls(tile, at, of) : [more]));
    const panel = h("section", { class: `panel home-${tile.size}`, "aria-labelledby": `home-${widget}`, "data-widget": widget }, head, body);
    if (this.arranging) this.draggable(panel, head, widget);
    return panel;
  }

  private controls({ widget, size }: Tile, at: number, of: number): HTMLElement[] {
    const name = this.name(widget);
    const mover = (by: number, sign: string, title: string, id: string, disabled: boolean): HTMLElement =>
      h("button", { type: "button", class: "plain", id, "aria-label": title, title, disabled, onclick: () => this.step(widget, by, id) }, sign);
    const sizes = h("select", { id: `home-${widget}-size`, "aria-label": T.size(name) }, ...SIZES.map((one) => h("option", { value: one, selected: one === size }, T.sizes[one] ?? one)));
    sizes.addEventListener("change", () => this.change(changed(this.tiles, widget, { size: sizes.value as Size }), sizes.id));
    return [
      mover(-1, "←", T.earlier(name), `home-${widget}-earlier`, at === 0),
      mover(1, "→", T.later(name), `home-${widget}-later`, at === of - 1),
      sizes,
      h("button", { type: "button", class: "plain", "aria-label": T.hide(name), title: T.hide(name), onclick: () => this.change(changed(this.tiles, widget, { hidden: true }), "home-arrange") }, "✕"),
    ];
  }

  private step(widget: WidgetName, by: number, focus: string): void {
    this.change(moved(this.tiles, widget, by), focus);
    const shown = this.tiles.filter(({ hidden }) => !hidden);
    setText(this.said, T.moved(this.name(widget), shown.findIndex((one) => one.widget === widget) + 1, shown.length));
    // At the end the button is disabled, and a focus on it would be lost.
    if (document.activeElement === document.body) document.getElementById(`home-${widget}-size`)?.focus();
  }

  private draggable(panel: HTMLElement, head: HTMLElement, widget: WidgetName): void {
    head.addEventListener("dragstart", (event) => {
      this.dragged = widget;
      event.dataTransfer?.setData("text/plain", widget);
    });
    head.addEventListener("dragend", () => (this.dragged = null));
    panel.addEventListener("dragover", (event) => {
      if (this.dragged === null || this.dragged === widget) return;
      event.preventDefault();
      panel.dataset["drop"] = "";
    });
    panel.addEventListener("dragleave", () => delete panel.dataset["drop"]);
    panel.addEventListener("drop", (event) => {
      event.preventDefault();
      delete panel.dataset["drop"];
      const from = this.tiles.findIndex((one) => one.widget === this.dragged);
      const to = this.tiles.findIndex((one) => one.widget === widget);
      if (this.dragged !== null) this.change(placed(this.tiles, this.dragged, widget, from < to), undefined);
    });
  }

  private look(): void {
    if (!this.isSeen) return;
    const now_ms = Date.now();
    for (const { widget, hidden } of this.tiles) if (!hidden) for (const source of this.contents[widget].sources ?? []) void source.look(now_ms);
    const { kind, age_ms, detail } = live.link;
    const isOld = kind === "stale" || kind === "signed-out";
    const text = isOld ? T.lost(age(age_ms)) : kind === "reconnecting" ? T.reconnecting : kind === "catching-up" ? T.catchingUp(detail) : "";
    setText(this.banner, text);
    setHidden(this.banner, text === "");
    this.box.toggleAttribute("data-stale", isOld);
  }

  private fill(): void {
    if (!this.isSeen) return;
    for (const [widget, body] of this.bodies) if (!body.contains(document.activeElement)) body.replaceChildren(...this.contents[widget].draw());
  }
}
