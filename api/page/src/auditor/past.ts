/** The whole page as it was at an instant, each figure with its digest, which a replay from the log has to give again. */

import type { Json, JsonObject } from "../calculations/api";
import { h, setText } from "../dom";
import { sentence } from "../problems";
import { get, post } from "../wire";
import { type Place, addressOf } from "./address";
import { sheet } from "./cells";
import { Answers, type View, empty, failure, labelled, panel } from "./pane";
import { T } from "./words";

interface Figure {
  readonly rows?: readonly JsonObject[];
  readonly alerts?: readonly JsonObject[];
  readonly status?: string;
  readonly reason?: string;
  readonly provenance?: { readonly digest?: string };
}
type Page = Readonly<Record<string, Json>> & { readonly offsets: Readonly<Record<string, number>> };

interface Verdict {
  readonly same: boolean;
  readonly cause: string | null;
  readonly reason: string;
}

const FIGURES = ["positions", "gap", "ratios", "withdrawals", "alerts", "limits"] as const;
const HIDDEN = new Set(["entries", "source", "parts", "items", "asides", "lines", "limit"]); // shown where they are drilled into
const ROWS_MAX = 100;
const WAIT_MS = 180_000;

export class PastView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly at = h("input", { type: "datetime-local", id: "aud-at", step: 1, required: true });
  private readonly answer = new Answers();

  constructor() {
    const form = h("form", { class: "aud-controls" }, labelled(T.instant, this.at), h("button", { type: "submit", class: "plain" }, T.showMoment));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = addressOf("moments", [], { at: `${this.at.value}Z` });
    });
    this.element.append(panel("moments", T.tabs.moments, T.momentsAbout, form, this.answer.element));
  }

  show(place: Place): void {
    const at = place.query.get("at");
    this.at.value = (at ?? new Date(Date.now() - 60_000).toISOString()).slice(0, 19);
    if (at === null) {
      this.answer.put(empty(T.chooseMoment));
      return;
    }
    void this.answer.ask(
      () => get<Page>("/past", { at }, WAIT_MS),
      (page) => [h("details", { class: "aud-stamp" }, h("summary", {}, T.offsets), h("code", {}, JSON.stringify(page.offsets))), ...FIGURES.map((name) => this.figure(name, page[name] as Figure | undefined))],
    );
  }

  private figure(name: (typeof FIGURES)[number], figure: Figure | undefined): HTMLElement | null {
    if (figure === undefined) return null;
    const rows = (figure.rows ?? figure.alerts ?? []).map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => !HIDDEN.has(key))));
    const verdict = h("span", { role: "status", class: "aud-verdict" });
    const check = h("button", { type: "button", class: "plain", onclick: () => void replay(figure, check, verdict) }, T.replay);
    return h(
      "section",
      { class: "aud-figure", "data-figure": name },
      h("h4", {}, T.figures[name], h("span", { class: "quiet" }, ` ${T.rows(rows.length)}`)),
      figure.provenance?.digest ? h("p", { class: "aud-digest" }, h("span", { class: "quiet" }, `${T.digest} `), h("code", {}, figure.provenance.digest), " ", check, verdict) : null,
      figure.status === "NOT_COMPUTABLE" ? empty(sentence(figure.reason ?? "")) : rows.length === 0 ? empty(T.noRows) : sheet(T.figures[name], rows.slice(0, ROWS_MAX)),
    );
  }
}

/** The same figure once more, folded from the log's start. */
async function replay(figure: Figure, button: HTMLButtonElement, verdict: HTMLElement): Promise<void> {
  button.disabled = true;
  setText(verdict, T.replaying);
  try {
    const found = await post<Verdict>("/past/replay", JSON.stringify({ answer: figure, from_start: true }), {}, WAIT_MS);
    verdict.className = `aud-verdict ${found.same ? "good" : "bad"}`;
    setText(verdict, found.same ? `✓ ${T.same}` : `✗ ${T.notSame(found.cause ?? "", sentence(found.reason))}`);
  } catch (error) {
    verdict.replaceChildren(failure(error, null));
  }
  button.disabled = false;
}
