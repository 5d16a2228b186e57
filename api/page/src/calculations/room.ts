/** The calculations room: the list of all engines at `#/calculations`, one engine at `#/calculations/lcr`. */

import "./style.css";

import { h } from "../dom";
import { onLanguage, tag } from "../language";
import { said } from "../problems";
import { CALCULATIONS, roomOf } from "../rooms";
import { Problem } from "../wire";
import { type Named, about, list } from "./api";
import type { EngineView } from "./engine";
import { EngineList } from "./list";
import { TEXTS, speak } from "./texts";

export function engineOf(hash: string): string | null {
  const name = hash.slice(CALCULATIONS.length + 1);
  return hash.startsWith(`${CALCULATIONS}/`) && name !== "" ? decodeURIComponent(name).replaceAll("-", "_") : null;
}

export class CalculationsRoom {
  private named: readonly Named[] | null = null;
  private shown: EngineView | null = null;
  private visit = 0;

  constructor(private readonly box: HTMLElement) {
    addEventListener("hashchange", () => {
      if (roomOf(location.hash) === "calculations") void this.show(true);
    });
    onLanguage(() => void this.show(false));
    void this.show(false);
  }

  /** @param moved whether the reader came from another view, whose focus is gone */
  private async show(moved: boolean): Promise<void> {
    this.visit += 1;
    this.box.lang = tag();
    const { visit } = this;
    this.shown?.close();
    this.shown = null;
    try {
      await speak();
      if (visit !== this.visit) return;
      this.put(h("p", { class: "spinner", role: "status" }, TEXTS.loading));
      const name = engineOf(location.hash);
      const view = name === null ? await this.all() : await this.one(name);
      if (visit !== this.visit) return; // the reader has gone on
      this.put(view.element);
      if ("close" in view) this.shown = view;
      view.begin();
      if (moved) this.box.querySelector<HTMLElement>("h2")?.focus();
    } catch (error) {
      if (visit !== this.visit) return;
      this.fail(error);
    }
  }

  private async all(): Promise<EngineList> {
    this.named ??= await list();
    return new EngineList(this.named);
  }

  private async one(name: string): Promise<EngineView> {
    // The list must not wait for half a megabyte of charts.
    const [found, { EngineView }] = await Promise.all([about(name), import("./engine")]);
    return new EngineView(found);
  }

  private fail(error: unknown): void {
    const why = error instanceof Problem && error.status === 404 ? TEXTS.unknown : said(error);
    const again = h("button", { type: "button", class: "plain", onclick: () => void this.show(true) }, TEXTS.again);
    const back = h("a", { href: CALCULATIONS }, TEXTS.all);
    this.put(h("div", { class: "panel failure", role: "alert" }, h("p", {}, TEXTS.failed(why)), h("p", {}, again, " ", back)));
  }

  private put(element: HTMLElement): void {
    this.box.replaceChildren(element);
  }
}
