/** Dashboards: tiles on a grid of twelve columns, moved by the mouse and by the arrow keys. */

import { Answers, labelled, panel } from "../auditor/pane";
import { trusted } from "../board/marks";
import { Chart } from "../charts";
import { h } from "../dom";
import { grouped } from "../money";
import { said } from "../problems";
import { get } from "../wire";
import { type Dashboard, type Kept, type Tile, command, dashboards, kept, runKept } from "./api";
import { chartOption, markOf, measureName, pivotTable, shownCell } from "./result";
import { T } from "./words";

export const COLUMNS = 12;
export const ROW_PIXELS = 56;

const overlaps = (a: Tile, b: Tile): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** A tile at another place or size, kept on the grid; those it would lie over make way downwards. */
export function placed(tiles: readonly Tile[], at: number, change: Partial<Tile>): readonly Tile[] {
  const one = tiles[at];
  if (one === undefined) return tiles;
  const width = Math.min(Math.max(change.width ?? one.width, 1), COLUMNS);
  const height = Math.min(Math.max(change.height ?? one.height, 1), COLUMNS);
  const x = Math.min(Math.max(change.x ?? one.x, 0), COLUMNS - width);
  const y = Math.max(change.y ?? one.y, 0);
  const fixed: Tile[] = [{ ...one, x, y, width, height }];
  const others = tiles.map((tile, place) => ({ tile, place })).filter(({ place }) => place !== at).sort((a, b) => a.tile.y - b.tile.y || a.tile.x - b.tile.x);
  const found = new Map<number, Tile>([[at, fixed[0] as Tile]]);
  for (const { tile, place } of others) {
    let next = tile;
    while (fixed.some((other) => overlaps(next, other))) next = { ...next, y: next.y + 1 };
    fixed.push(next);
    found.set(place, next);
  }
  return tiles.map((tile, place) => found.get(place) ?? tile);
}

interface RatioRow {
  readonly figure: string;
  readonly scope: string;
  readonly entity: string;
  readonly currency: string;
  readonly ratio_pct: string | null;
}

export class Boards {
  readonly element = h("div", { class: "rep-boards" });
  private readonly answers = new Answers();
  private readonly grid = h("div", { class: "rep-grid" });
  private readonly said = h("span", { role: "status", id: "rep-said" });
  private readonly choice = h("select", { id: "rep-board" });
  private all: readonly Dashboard[] = [];
  private pivots: readonly Kept[] = [];
  private tiles: readonly Tile[] = [];
  private no = "";
  private title = "";

  constructor() {
    this.choice.addEventListener("change", () => this.open(this.choice.value));
    this.element.append(panel("boards", T.dashboards, "", this.answers.element), this.grid);
    void this.answers.ask(
      () => Promise.all([dashboards(), kept()]),
      ([{ dashboards: found }, { pivots }]) => {
        this.all = found;
        this.pivots = pivots;
        return [this.controls()];
      },
    );
  }

  private controls(): HTMLElement {
    this.choice.replaceChildren(...this.all.map((one) => h("option", { value: one.dashboard_no }, one.title)));
    const name = h("input", { type: "text", id: "rep-board-name", maxlength: 60, autocomplete: "off" });
    const make = h("button", { type: "button", class: "plain", onclick: () => {
      const title = name.value.trim();
      if (title === "") return;
      this.no = `DB-${crypto.randomUUID().slice(0, 8)}`;
      this.title = title;
      this.tiles = [];
      this.draw();
    } }, T.newDashboard);
    const kind = h("select", { id: "rep-tile-kind" }, ...Object.entries(T.tileKinds).map(([value, text]) => h("option", { value }, text)));
    const of = h("select", { id: "rep-tile-of" });
    const fill = (): void => of.replaceChildren(...(kind.value === "RATIO" ? Object.entries(T.ratios) : kind.value === "ALERTS" ? [["-", T.tileKinds["ALERTS"] ?? ""]] : this.pivots.map((one) => [one.pivot_no, one.title])).map(([value = "", text = ""]) => h("option", { value }, text)));
    kind.addEventListener("change", fill);
    fill();
    const add = h("button", { type: "button", class: "plain", onclick: () => {
      if (this.no === "" || of.value === "") return;
      const y = Math.max(0, ...this.tiles.map((tile) => tile.y + tile.height));
      const isSmall = kind.value === "RATIO" || kind.value === "FIGURE";
      this.tiles = [...this.tiles, { kind: kind.value as Tile["kind"], ref: of.value, title: of.selectedOptions[0]?.textContent ?? "", chart: kind.value === "CHART" ? "BAR" : "-", x: 0, y, width: isSmall ? 3 : 6, height: isSmall ? 2 : 5 }];
      this.draw();
    } }, T.addTile);
    const save = h("button", { type: "button", class: "primary", onclick: () => void this.save() }, T.saveDashboard);
    if (this.all[0]) this.open(this.all[0].dashboard_no);
    else this.grid.replaceChildren(h("p", { class: "empty" }, T.noDashboards));
    return h("div", { class: "aud-controls" }, labelled(T.dashboards, this.choice), labelled(T.name, name), make, labelled(T.addTile, kind), labelled(T.tileOf, of), add, save, this.said);
  }

  private open(no: string): void {
    const found = this.all.find((one) => one.dashboard_no === no);
    if (found === undefined) return;
    this.no = no;
    this.title = found.title;
    this.tiles = found.tiles;
    this.draw();
  }

  private async save(): Promise<void> {
    try {
      await command("/dashboards", { dashboard_no: this.no, title: this.title, tiles: this.tiles });
      this.said.textContent = T.saved;
    } catch (error) {
      this.said.textContent = T.failed(said(error));
    }
  }

  private draw(): void {
    this.grid.setAttribute("aria-label", this.title);
    this.grid.replaceChildren(...this.tiles.map((tile, at) => this.tile(tile, at)));
    this.settle();
  }

  private settle(): void {
    [...this.grid.children].forEach((box, at) => {
      const tile = this.tiles[at];
      if (tile && box instanceof HTMLElement) {
        box.style.gridColumn = `${tile.x + 1} / span ${tile.width}`;
        box.style.gridRow = `${tile.y + 1} / span ${tile.height}`;
      }
    });
  }

  private move(at: number, change: Partial<Tile>): void {
    this.tiles = placed(this.tiles, at, change);
    this.settle();
    const tile = this.tiles[at];
    if (tile) this.said.textContent = T.moved(tile.title, tile.x + 1, tile.y + 1, tile.width, tile.height);
  }

  private tile(tile: Tile, at: number): HTMLElement {
    const handle = h("button", { type: "button", class: "plain rep-handle", "aria-label": T.moveTile(tile.title), title: T.moveTile(tile.title) }, "✥");
    handle.addEventListener("keydown", (event) => {
      const step: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const [across, down] = step[event.key] ?? [0, 0];
      const now = this.tiles[at];
      if (now === undefined || (across === 0 && down === 0)) return;
      event.preventDefault();
      this.move(at, event.shiftKey ? { width: now.width + across, height: now.height + down } : { x: now.x + across, y: now.y + down });
    });
    handle.addEventListener("pointerdown", (event) => {
      const from = { x: event.clientX, y: event.clientY, tile: this.tiles[at] };
      handle.setPointerCapture(event.pointerId);
      const drag = (to: PointerEvent): void => {
        if (from.tile === undefined) return;
        const across = Math.round((to.clientX - from.x) / (this.grid.clientWidth / COLUMNS));
        this.move(at, { x: from.tile.x + across, y: from.tile.y + Math.round((to.clientY - from.y) / ROW_PIXELS) });
      };
      handle.addEventListener("pointermove", drag);
      handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", drag), { once: true });
    });
    const gone = h("button", { type: "button", class: "plain", "aria-label": T.remove(tile.title), onclick: () => {
      this.tiles = this.tiles.filter((_, place) => place !== at);
      this.draw();
    } }, "×");
    const body = new Answers();
    void body.ask(() => content(tile), (nodes) => nodes);
    return h("section", { class: `panel rep-tile rep-${tile.kind.toLowerCase()}`, "aria-label": tile.title }, h("header", {}, h("h3", {}, tile.title), h("span", { class: "rep-handles" }, handle, gone)), body.element);
  }
}

async function content(tile: Tile): Promise<readonly Node[]> {
  if (tile.kind === "RATIO") {
    const { rows } = await get<{ rows: readonly RatioRow[] }>("/ratios");
    const shown = rows.filter((row) => row.figure === tile.ref && row.scope !== "currency");
    return [h("dl", { class: "rep-figures" }, ...shown.flatMap((row) => [h("dt", {}, row.scope === "group" ? T.total : row.entity), h("dd", {}, row.ratio_pct === null ? T.noRatio : `${grouped(row.ratio_pct)}% `, trusted(`consolidated-${row.figure}`, row.scope === "group" ? "" : row.entity))]))];
  }
  if (tile.kind === "ALERTS") {
    const { alerts } = await get<{ alerts: readonly { readonly rule: string; readonly entity: string; readonly reason: string }[] }>("/alerts", { limit: "10" });
    return [alerts.length === 0 ? h("p", { class: "empty" }, T.noAlerts) : h("ul", { class: "rep-alerts" }, ...alerts.map((one) => h("li", {}, `${one.entity} · ${one.rule}: ${one.reason} `, trusted("alerts", one.entity))))];
  }
  const answer = await runKept(tile.ref);
  const day = h("p", { class: "quiet rep-asof" }, `${answer.cut.as_of ?? ""} `, markOf(answer));
  if (tile.kind === "FIGURE") {
    const total = answer.table.find(({ members }) => members.length === 0);
    const last = answer.column_paths.length - 1;
    return [h("dl", { class: "rep-figures" }, ...answer.measures.flatMap((_, at) => [h("dt", {}, measureName(answer, at)), h("dd", {}, shownCell(total?.cells[last]?.[at] ?? null))])), day];
  }
  if (tile.kind === "CHART") {
    const box = h("div", { class: "canvas rep-plot", role: "img", "aria-label": tile.title });
    const option = chartOption(answer, tile.chart, tile.title);
    const chart = new Chart(box, (colours) => option(colours, box.clientWidth));
    requestAnimationFrame(() => chart.draw());
    return [box, day];
  }
  const closed = new Set<string>();
  const place = h("div", {});
  const redraw = (): void => place.replaceChildren(pivotTable(answer, closed, false, redraw, null));
  redraw();
  return [place, day];
}
