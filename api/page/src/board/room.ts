/**
 * The position board at `#/board`: every entity, branch or business line with its position, live, as one tree grid.
 *
 * Entities come with the page's own stream, ten times a second; branches and business lines are asked for
 * (`members.ts`). What a reader chose stays in the browser. Old figures are dimmed, and a banner says how old.
 */

import "./style.css";

import { h, setHidden, setText } from "../dom";
import { onLanguage } from "../language";
import { live } from "../live";
import { BOARD, roomOf } from "../rooms";
import { Series } from "../series";
import { cellKey } from "../store";
import { age, longDay } from "../time";
import { type PositionRow, type Positions, Problem, get } from "../wire";
import { type Kept, keep, kept } from "./choice";
import { Detail } from "./detail";
import { Grid } from "./grid";
import type { Behind } from "./line";
import { explained } from "./marks";
import { Members } from "./members";
import { COLUMNS, type Cell, type Column, GRAINS, type Grain, type Line, type SortKey, cellOf, keyOf, lines } from "./rows";
import type { Standing } from "./trust";
import { T, language, speak, wanted } from "./words";

const LOOK_MS = 250;
const RESORT_MS = 1_000;
const OPENING_MS = 30_000;
const SERIES = { points_max: 60, spacing_ms: 1_000 } as const;

export class BoardRoom {
  private choice: Kept = kept();
  private readonly tops = new Map<string, Cell>();
  private cells = new Map<string, Cell>();
  private readonly courses = new Map<string, Series>();
  private readonly openings = new Map<string, string>();
  private opened = { day: "", grain: "", at_ms: -Infinity };
  private members: Members | null = null;
  private lines: Line[] = [];
  private arranged_ms = -Infinity;
  private again = true;
  private told = new Map<string, { standing: Standing; told: string }>();
  private readonly detail = new Detail();
  private readonly grid = new Grid({
    behind: (line) => this.behind(line),
    sort: (key) => this.sortBy(key),
    toggle: (line, open) => this.toggle(line, open),
    open: (line) => this.detail.open(line.cell, this.choice.grain, line.level === 1),
  });
  private readonly top = h("div", { class: "board-top" });
  private readonly banner = h("p", { class: "board-banner", role: "status", hidden: true });
  private readonly counted = h("span", { class: "quiet", id: "board-counted" });
  private readonly day = h("span", { class: "quiet" });
  private readonly selects = { grain: h("select", { id: "board-grain" }), entity: h("select", { id: "board-entity" }), currency: h("select", { id: "board-currency" }) };
  private readonly filter = h("input", { type: "search", id: "board-filter", autocomplete: "off" });

  constructor(private readonly box: HTMLElement) {
    for (const select of Object.values(this.selects)) select.addEventListener("change", () => this.choose());
    this.filter.addEventListener("input", () => this.choose());
    live.store.on(["positions"], () => this.takeEntities());
    live.trust.onNews(() => {
      this.told.clear();
      this.grid.draw();
    });
    live.onLink(() => this.showLink());
    addEventListener("hashchange", () => this.look());
    setInterval(() => this.look(), LOOK_MS);
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private get isSeen(): boolean {
    return document.visibilityState === "visible" && roomOf(location.hash) === "board";
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
    this.takeEntities();
    if (location.hash === BOARD) this.grid.element.focus({ preventScroll: true });
  }

  /** What stands around the grid, in the present language. */
  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    const labelled = (title: string, field: HTMLElement): HTMLElement => h("label", {}, h("span", { class: "quiet" }, title), " ", field);
    const { grain, entity, currency } = this.selects;
    grain.replaceChildren(...GRAINS.map((name) => h("option", { value: name }, T.grains[name])));
    grain.value = this.choice.grain;
    this.filter.placeholder = T.filterHint;
    this.filter.value = this.choice.filter;
    const all = (title: string, shut: boolean): HTMLElement => h("button", { type: "button", class: "plain", onclick: () => this.foldAll(shut) }, title);
    this.top.replaceChildren(h("h2", {}, T.board), labelled(T.grain, grain), labelled(T.entity, entity), labelled(T.currency, currency), labelled(T.filter, this.filter), this.columnsChoice(), all(T.expandAll, false), all(T.collapseAll, true), this.day, this.counted);
    this.grid.element.setAttribute("aria-label", `${T.board}. ${T.keys}`);
    const room = h("div", { class: "panel board-panel" }, this.banner, this.grid.element);
    this.box.replaceChildren(this.top, room, h("p", { class: "quiet board-keys" }, T.keys), this.detail.dialog);
    this.reshape();
  }

  private columnsChoice(): HTMLElement {
    const box = (column: Column): HTMLElement => {
      const input = h("input", { type: "checkbox", checked: this.choice.columns.includes(column), "data-column": column });
      input.addEventListener("change", () => {
        this.choice.columns = COLUMNS.filter((one) => (one === column ? input.checked : this.choice.columns.includes(one)));
        this.reshape();
      });
      return h("label", {}, input, " ", T.heads[column] ?? column);
    };
    return h("details", { class: "board-columns" }, h("summary", {}, T.columns), h("div", {}, ...COLUMNS.map(box)));
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.told.clear();
    this.frame();
  }

  private choose(): void {
    const { grain, entity, currency } = this.selects;
    if (grain.value !== this.choice.grain) {
      this.cells = new Map();
      this.courses.clear();
      this.members = null;
      this.openings.clear();
      this.opened.at_ms = -Infinity;
    }
    Object.assign(this.choice, { grain: grain.value as Grain, entity: entity.value, currency: currency.value, filter: this.filter.value });
    this.reshape();
    this.look();
  }

  private sortBy(key: SortKey): void {
    const { sort, descending } = this.choice;
    this.choice.descending = key === sort ? !descending : key !== "name" && key !== "currency";
    this.choice.sort = key;
    this.reshape();
  }

  private toggle({ key, open }: Line, wish = !open): void {
    if (open === undefined || open === wish) return;
    if (wish) this.choice.collapsed.delete(key);
    else this.choice.collapsed.add(key);
    this.reshape();
  }

  private foldAll(shut: boolean): void {
    this.choice.collapsed = new Set(shut ? this.tops.keys() : []);
    this.reshape();
  }

  private reshape(): void {
    keep(this.choice);
    this.again = true;
    this.grid.shape(this.choice.columns, this.choice.sort, this.choice.descending);
    this.arrange();
  }

  // -- what comes in

  private takeEntities(): void {
    if (!this.isSeen) return;
    const { positions } = live.store;
    // The store's keys are those of entities: with thousands of rows ten times a second none is put together again.
    for (const [key, row] of positions) {
      const known = this.tops.get(key);
      if (known) known.row = row;
      else this.enter(this.tops, key, row, "entity");
    }
    if (this.tops.size !== positions.size) this.prune(this.tops, positions);
    this.arrange();
  }

  private enter(into: Map<string, Cell>, key: string, row: PositionRow, grain: Grain): void {
    const cell = cellOf(row, grain);
    cell.opening = this.openings.get(key);
    into.set(key, cell);
    this.again = true;
  }

  /** What is not told any more is gone. */
  private prune(from: Map<string, Cell>, told: ReadonlyMap<string, unknown> | ReadonlySet<string>): void {
    for (const key of from.keys()) if (!told.has(key)) from.delete(key);
    this.again = true;
  }


  private courseOf(key: string): Series {
    let found = this.courses.get(key);
    if (!found) this.courses.set(key, (found = new Series(SERIES.points_max, SERIES.spacing_ms)));
    return found;
  }

  private look(): void {
    if (!this.isSeen) return;
    const now_ms = Date.now();
    const { grain } = this.choice;
    if (this.tops.size === 0) this.takeEntities();
    if (grain !== "entity") {
      this.members ??= new Members(grain, (answer) => this.takeMembers(grain, answer));
      void this.members.look(now_ms);
    }
    const day = live.store.businessDates().at(-1) ?? "";
    setText(this.day, day === "" ? "" : T.businessDate(language === "zh" ? day : longDay(day)));
    const { opened } = this;
    if (day !== "" && (opened.day !== day || opened.grain !== grain || now_ms - opened.at_ms > OPENING_MS)) {
      this.opened = { day, grain, at_ms: now_ms };
      void this.askOpenings(grain);
    }
    this.showLink();
    this.arrange();
  }

  private takeMembers(grain: Grain, answer: Positions): void {
    if (grain !== this.choice.grain) return;
    const keys = new Set<string>();
    for (const row of answer.rows) {
      const key = keyOf(row, grain);
      keys.add(key);
      const known = this.cells.get(key);
      if (known) known.row = row;
      else this.enter(this.cells, key, row, grain);
      this.courseOf(key).add({ at_ms: Date.now(), text: row.position });
    }
    if (keys.size !== this.cells.size) this.prune(this.cells, keys);
    this.arrange();
  }

  /** Positions at the end of the day before each entity's business date: what a change today is measured from. */
  private async askOpenings(grain: Grain): Promise<void> {
    const by = { entity: "entity,currency", organisation: "entity,organisation,currency", business_line: "entity,business_line,currency" };
    const days = live.store.businessDates();
    const dayOf = new Map([...live.store.positions.values()].map((row) => [row.entity, row.as_of ?? ""]));
    try {
      for (const day of days) {
        const before = new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
        for (const asked of grain === "entity" ? (["entity"] as const) : (["entity", grain] as const)) {
          const { rows } = await get<Positions>("/positions", { by: by[asked], as_of: before });
          for (const row of rows) if (dayOf.get(row.entity) === day) this.openings.set(keyOf(row, asked), row.position);
        }
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return; // the change stays unknown until the next time
    }
    // An account that was opened today had nothing.
    for (const [key, cell] of [...this.tops, ...this.cells]) cell.opening = this.openings.get(key) ?? "0";
    this.again ||= this.choice.sort === "change";
    this.arrange();
  }

  // -- what is shown

  /** Lines change places when something was chosen or came, and else at most once a second. */
  private arrange(): void {
    const now_ms = performance.now();
    const moves = this.choice.sort !== "name" && this.choice.sort !== "currency";
    if (this.again || (moves && now_ms - this.arranged_ms > RESORT_MS && !this.grid.element.matches(":focus, :hover"))) {
      this.again = false;
      this.arranged_ms = now_ms;
      this.lines = lines(this.tops.values(), this.cells.values(), this.choice);
      const all = this.choice.grain === "entity" ? this.tops.size : this.tops.size + this.cells.size;
      setText(this.counted, this.lines.length === 0 && all > 0 ? T.noRows : T.rowsShown(this.lines.length, all));
      this.fillSelects();
      this.grid.show(this.lines);
    } else this.grid.draw();
  }

  private fillSelects(): void {
    const tops = [...this.tops.values()];
    for (const [name, values] of [["entity", tops.map(({ entity }) => entity)], ["currency", tops.map(({ currency }) => currency)]] as const) {
      const select = this.selects[name];
      const wish = this.choice[name];
      const names = [...new Set([...values, ...(wish ? [wish] : [])])].sort();
      const shown = JSON.stringify([T.all, names]);
      if (select.dataset["names"] === shown) continue; // an open list stays open
      select.dataset["names"] = shown;
      select.replaceChildren(h("option", { value: "" }, T.all), ...names.map((one) => h("option", { value: one }, one)));
      select.value = wish;
    }
  }

  private behind({ cell, level }: Line): Behind {
    const series = level === 1 ? live.store.series.get(cellKey(cell)) : this.courses.get(cell.key);
    return { series, ...this.trustOf(cell.entity) };
  }

  /** The same for every line of an entity until something is told anew. */
  private trustOf(entity: string): { standing: Standing; told: string } {
    let found = this.told.get(entity);
    if (!found) {
      const standing = live.trust.of("positions", entity);
      const meta = live.store.meta;
      found = { standing, told: explained(standing, meta?.offsets ?? {}, meta?.last_event_time) };
      this.told.set(entity, found);
    }
    return found;
  }

  private showLink(): void {
    if (!this.isSeen) return;
    const { kind, age_ms, detail } = live.link;
    const failure = this.members?.failure;
    const memberAge = this.members && this.choice.grain !== "entity" && this.members.current_ms > 0 ? Date.now() - this.members.current_ms : 0;
    const isOld = kind === "stale" || kind === "signed-out" || (failure != null && memberAge > 5_000);
    const text = isOld ? T.lost(age(Math.max(age_ms, memberAge))) : kind === "reconnecting" ? T.reconnecting : kind === "catching-up" ? T.catchingUp(detail) : "";
    setText(this.banner, text);
    setHidden(this.banner, text === "");
    this.box.toggleAttribute("data-stale", isOld);
    this.told.clear(); // the cut and the last entry go on
  }
}
