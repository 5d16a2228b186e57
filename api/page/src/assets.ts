/** The risk assets: a small list, asked for now and then. What is done with them is the workbench's. */

import { describe } from "./board/marks";
import { byId, h, setHidden, setText } from "./dom";
import { grouped } from "./money";
import { said } from "./problems";
import type { Store } from "./store";
import { Problem, type RiskAsset, get } from "./wire";
import { addressOf } from "./workbench/address";
import { word } from "./workbench/words";
import { T, onWords } from "./words";

const REFRESH_MS = 15_000;
const ROWS_MAX = 100;

/** The row is the aggregate's state (decision E18), of which this list reads a few fields. */
function text(row: RiskAsset, name: string): string {
  const value = row[name];
  return typeof value === "string" ? value : "";
}

const words = (code: string): string => T.code(code, word(code));

function held(row: RiskAsset): string {
  const { hold } = row;
  if (typeof hold !== "object" || hold === null) return "–";
  const { kind, case_no } = hold as Record<string, unknown>;
  return [typeof kind === "string" ? words(kind) : "", case_no].filter(Boolean).join(" · ");
}

function money(row: RiskAsset, name: string): string {
  const value = text(row, name);
  return /^-?[0-9]+(\.[0-9]+)?$/.test(value) ? grouped(value) : value;
}

export class RiskAssets {
  private rows: readonly RiskAsset[] = [];
  private loaded = false;
  private readonly body = byId("assets-body");

  constructor(private readonly store: Store) {
    store.on(["scope"], () => this.render());
    onWords(() => this.render());
    void this.refresh();
    setInterval(() => {
      if (document.visibilityState === "visible") void this.refresh();
    }, REFRESH_MS);
  }

  private async refresh(): Promise<void> {
    const empty = byId("assets-empty");
    try {
      this.rows = (await get<{ rows: RiskAsset[] }>("/risk-assets")).rows;
      this.loaded = true;
      this.render();
    } catch (error) {
      setText(empty, error instanceof Problem ? T.failed(said(error)) : String(error));
      setHidden(empty, this.rows.length > 0);
    }
  }

  private render(): void {
    const { entity } = this.store;
    const rows = this.rows.filter((row) => entity === null || text(row, "entity") === entity);
    const lines = rows.slice(0, ROWS_MAX).map((row) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, h("a", { href: addressOf("RiskAsset", text(row, "loan_no")) }, text(row, "loan_no"))),
        h("td", {}, text(row, "entity")),
        h("td", {}, text(row, "branch") || "–"),
        h("td", {}, words(text(row, "classification"))),
        h("td", {}, words(text(row, "lifecycle"))),
        h("td", {}, held(row)),
        h("td", { class: "currency" }, text(row, "ccy")),
        h("td", { class: "number" }, money(row, "principal")),
        h("td", { class: "number" }, money(row, "written_off")),
      ),
    );
    this.body.replaceChildren(...lines);
    if (this.loaded) setText(byId("assets-empty"), T.noAssets);
    setHidden(byId("assets-empty"), rows.length > 0);
    setHidden(byId("assets-table"), rows.length === 0);
    describe(byId("assets-about"), T.assetsAbout(rows.length, rows.length > ROWS_MAX ? ROWS_MAX : null), "ledgers");
  }
}
