/** The timeline of a case: every event with what it changed, as of a day and as it was known at one; each with its proof. */

import type { Json, JsonObject } from "../calculations/api";
import { h } from "../dom";
import { table } from "../table";
import { get, url } from "../wire";
import { type Place, addressOf } from "./address";
import { facts, plainCell, shown } from "./cells";
import { DaySlider } from "./moments";
import { Answers, type View, empty, labelled, panel } from "./pane";
import { T, word } from "./words";

interface Event {
  readonly position: number;
  readonly version: number;
  readonly type: string;
  readonly actor: string;
  readonly role: string;
  readonly reason: string;
  readonly valid_on: string;
  readonly recorded_at: string;
  readonly changes: readonly { readonly field: string; readonly before: Json; readonly after: Json }[];
}

interface History {
  readonly aggregate: string;
  readonly key: string;
  readonly events: readonly Event[];
  readonly events_that_count_later: number;
  readonly state: JsonObject;
}

const KINDS = ["RiskAsset", "WriteOff", "DebtReduction", "DebtTransfer", "AssetPackage", "Foreclosure", "ForeclosedAsset", "FaDisposal", "LitigationCase", "Restructuring", "RecoveryFlow", "LimitBreach", "ContingencyPlan"];

export class CasesView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly kind = h("input", { id: "aud-kind", list: "aud-kinds", autocomplete: "off", required: true });
  private readonly key = h("input", { id: "aud-key", autocomplete: "off", required: true });
  private readonly asOf = new DaySlider("case-as-of", T.asOf, () => this.go());
  private readonly knownAt = new DaySlider("case-known-at", T.knownAt, () => this.go());
  private readonly answer = new Answers();
  private readonly sliders = h("div", { class: "aud-controls" }, this.asOf.element, this.knownAt.element);

  constructor() {
    const form = h(
      "form",
      { class: "aud-controls" },
      labelled(T.kind, this.kind),
      h("datalist", { id: "aud-kinds" }, ...KINDS.map((value) => h("option", { value }, word(value)))),
      labelled(T.number, this.key),
      h("button", { type: "submit", class: "plain" }, T.open),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = addressOf("cases", [this.kind.value.trim(), this.key.value.trim()]);
    });
    this.element.append(panel("cases", T.tabs.cases, T.casesAbout, form, this.sliders, this.answer.element));
  }

  show(place: Place): void {
    const [kind = "", key = ""] = place.parts;
    [this.kind.value, this.key.value] = [kind || "RiskAsset", key];
    this.sliders.hidden = key === "";
    if (key === "") {
      this.answer.put(empty(T.chooseCase));
      return;
    }
    const path = `/histories/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`;
    const wish = { as_of: place.query.get("as_of") ?? undefined, known_at: place.query.get("known_at") ?? undefined };
    void this.answer.ask(
      async () => {
        const whole = await get<History>(path);
        const days = whole.events.flatMap((event) => [event.valid_on, event.recorded_at.slice(0, 10)]).sort();
        this.asOf.set(wish.as_of ?? "", days[0] ?? "");
        this.knownAt.set(wish.known_at ?? "", days[0] ?? "");
        return wish.as_of === undefined && wish.known_at === undefined ? whole : get<History>(path, wish);
      },
      (found) => this.drawn(found),
    );
  }

  private go(): void {
    location.hash = addressOf("cases", [this.kind.value, this.key.value], { as_of: this.asOf.value, known_at: this.knownAt.value });
  }

  private drawn(found: History): (Node | null)[] {
    const items = found.events.toReversed().map((event) => this.item(found, event));
    const left = found.events_that_count_later;
    return [
      h("p", { class: "aud-stamp" }, T.events(found.events.length), left > 0 ? ` ${T.countLater(left)}` : ""),
      h("div", { class: "aud-columns" }, h("ol", { class: "aud-events" }, ...items), h("div", { class: "aud-state", tabindex: 0, role: "region", "aria-label": T.state }, facts(T.state, found.state))),
    ];
  }

  private item(found: History, event: Event): HTMLElement {
    const rows = event.changes.map(({ field, before, after }) => [{ content: field.split(".").map(word).join(" › ") }, plainCell(before), plainCell(after)]);
    const proof = url(`/audit/proofs/${encodeURIComponent(found.aggregate)}/${encodeURIComponent(found.key)}`, { version: String(event.version) });
    return h(
      "li",
      { "data-event": event.type },
      h("p", {}, h("b", {}, word(event.type)), h("span", { class: "quiet" }, ` ${event.actor} (${event.role}) · ${T.counts(event.valid_on)} · ${T.recorded(shown(event.recorded_at))} · ${T.position(event.position)}`)),
      event.reason === "" ? null : h("p", {}, `“${event.reason}”`),
      rows.length === 0 ? null : table(word(event.type), T.diffHeads, rows),
      h("p", { class: "aud-links" }, h("a", { href: proof, download: `${found.aggregate}-${found.key}-${event.version}.proof.json` }, T.proof), " ", h("a", { href: addressOf("trace", ["event", String(event.position)]) }, T.tabs.trace)),
    );
  }
}
