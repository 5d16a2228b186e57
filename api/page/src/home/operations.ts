/** Operations at `#/operations`: the trust in each source for all; processes, lag, dead letters and files for operators. */

import "../board/style.css";
import "./style.css";

import { h, setHidden, setText } from "../dom";
import { onLanguage } from "../language";
import { live } from "../live";
import { Source } from "../liquidity/source";
import { paced } from "../pace";
import { said, sentence } from "../problems";
import { roomOf } from "../rooms";
import { type Cell, number, plain, table } from "../table";
import { age, clock, count } from "../time";
import { SIGNS, type Trust, type TrustSource } from "../board/trust";
import { T, language, speak, wanted } from "../board/words";

const PERIOD_MS = 5_000;

interface Written {
  present: boolean;
  last_written_at: string | null;
}

interface Operations {
  readiness: { ready: boolean; reason: string; records_behind: number; warnings: string[] };
  processes: { process: string; pid: number; running: boolean }[];
  lag: { topic: string; lag_records: number; waiting_s: number }[];
  dead_letters: { total: number; unreadable: number; rows: { id: string; source: string; reported_at: string; retried: boolean }[] };
  snapshots: Written;
  archive: Written;
}

export class OperationsRoom {
  private readonly draw = paced(1_000, () => this.render());
  private readonly operations = new Source<Operations>("/operations", PERIOD_MS, this.draw);
  private readonly trust = new Source<Trust>("/trust", PERIOD_MS, this.draw);
  private readonly top = h("div", { class: "board-top" });
  private readonly note = h("p", { class: "home-note", role: "status" });
  private readonly grid = h("div", { class: "home-grid" });
  private shown = "";

  constructor(private readonly box: HTMLElement) {
    live.trust.onNews(() => {
      if (live.trust.told) this.trust.take(live.trust.told);
    });
    addEventListener("hashchange", () => this.look());
    setInterval(() => this.look(), 1_000);
    onLanguage(() => void this.translate());
    void this.begin();
  }

  private async begin(): Promise<void> {
    await speak(wanted());
    this.frame();
    this.look();
  }

  private frame(): void {
    this.box.lang = language === "zh" ? "zh-Hans" : "en";
    this.top.replaceChildren(h("h2", {}, T.operations));
    this.box.replaceChildren(this.top, this.note, this.grid);
    this.shown = "";
    this.render();
  }

  /** After the reader chose another language. */
  private async translate(): Promise<void> {
    await speak(wanted());
    this.frame();
  }

  private look(): void {
    if (document.visibilityState !== "visible" || roomOf(location.hash) !== "operations") return;
    const now_ms = Date.now();
    void this.trust.look(now_ms);
    if (this.operations.failure?.status !== 403) void this.operations.look(now_ms);
    this.draw();
  }

  private render(): void {
    const told = this.operations.value;
    const refused = this.operations.failure?.status === 403;
    const failure = refused ? null : (this.operations.failure ?? this.trust.failure);
    setText(this.note, refused ? T.notForYou : failure ? T.failed(said(failure)) : "");
    setHidden(this.note, this.note.textContent === "");
    const sources = this.trust.value?.sources ?? [];
    const state = JSON.stringify([sources, told, language]);
    if (state === this.shown || this.grid.matches(":focus-within")) return;
    this.shown = state;
    this.grid.replaceChildren(panel("trust", T.trustTitle, "full", this.sources(sources)), ...(told ? panels(told) : []));
  }

  private sources(sources: readonly TrustSource[]): HTMLElement {
    if (sources.length === 0) return h("p", { class: "empty" }, this.trust.value === null ? T.loading : T.nothing);
    const allowed = ({ late_s, silent_s }: TrustSource): string => (late_s === null || silent_s === null ? T.whenItComes : `${age(late_s * 1_000)} / ${age(silent_s * 1_000)}`);
    const rows = sources.map((one): Cell[] => [
      plain(one.source),
      plain(h("span", { class: "trust", "data-trust": one.state }, h("span", { "aria-hidden": "true" }, SIGNS[one.state]), ` ${T.trust[one.state]}`)),
      plain(one.reasons.map((reason) => T.reasons[reason] ?? reason).join(", ")),
      plain(one.last_appended_at === null ? "–" : clock(one.last_appended_at)),
      plain(allowed(one)),
      number(count(one.lag_records)),
      number(count(one.dead_letters)),
      number(count(one.missing_numbers)),
    ]);
    return table(T.trustTitle, [T.source, T.state, T.why, T.heard, T.allowed, T.waiting, T.refused, T.missing], rows);
  }
}

function panel(id: string, title: string, size: string, ...content: HTMLElement[]): HTMLElement {
  return h("section", { class: `panel home-${size}`, "aria-labelledby": `operations-${id}` }, h("header", {}, h("h3", { id: `operations-${id}` }, title)), h("div", { class: "home-tile" }, ...content));
}

function panels({ readiness, processes, lag, dead_letters, snapshots, archive }: Operations): HTMLElement[] {
  const ready = [readiness.ready ? `✓ ${T.ready}` : `✕ ${T.notReady}`, ...[readiness.reason, ...readiness.warnings].map(sentence)].filter(Boolean);
  // A process may be known by its supervisor and by a file of its own.
  const each = new Map(processes.map((one) => [`${one.process} ${one.pid}`, one]));
  const running = [...each.values()].map((one): Cell[] => [plain(one.process), number(String(one.pid)), plain(one.running ? `✓ ${T.running}` : `✕ ${T.gone}`)]);
  const lags = lag.map((one): Cell[] => [plain(one.topic), number(count(one.lag_records)), number(age(one.waiting_s * 1_000))]);
  const letters = dead_letters.rows.map((one): Cell[] => [plain(one.id), plain(one.source), plain(clock(one.reported_at)), plain(one.retried ? T.retried : T.open)]);
  const written = (name: string, told: Written): Cell[] => [plain(name), plain(!told.present || told.last_written_at === null ? T.notThere : T.lastWritten(clock(told.last_written_at)))];
  const retry = h("p", { class: "home-note" }, T.retryHow, " ", h("code", {}, "tidemark deadletter list"), ", ", h("code", {}, "tidemark deadletter retry ID"));
  return [
    panel("readiness", T.readiness, "small", h("ul", { class: "home-list" }, ...ready.map((text) => h("li", {}, text)))),
    panel("processes", T.processes, "small", running.length > 0 ? table(T.processes, [T.process, "PID", T.state], running) : h("p", { class: "empty" }, T.nothing)),
    panel("storage", T.storage, "small", table(T.storage, ["", T.state], [written(T.snapshots, snapshots), written(T.archive, archive)])),
    panel("lag", T.lag, "wide", lags.length > 0 ? table(T.lag, [T.topic, T.waiting, T.waits], lags) : h("p", { class: "empty" }, T.nothing)),
    panel("letters", `${T.letters} (${count(dead_letters.total)})`, "wide", ...(letters.length > 0 ? [table(T.letters, ["ID", T.source, T.reported, T.state], letters), retry] : [h("p", { class: "empty" }, T.noLetters)])),
  ];
}
