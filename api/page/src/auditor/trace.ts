/** From an entry or a decision up to every figure that it touched. What it says is the server's. */

import type { JsonObject } from "../calculations/api";
import { h } from "../dom";
import { get } from "../wire";
import { type Place, addressOf } from "./address";
import { facts } from "./cells";
import { Answers, type View, empty, labelled, panel } from "./pane";
import { T } from "./words";

interface Found {
  readonly entries: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
}

const PLACE = /^(.+)\/([0-9]+)[/@]([0-9]+)$/;
const WAIT_MS = 120_000;

export class TraceView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly what = h("input", { type: "search", id: "aud-what", autocomplete: "off", required: true });
  private readonly answer = new Answers();

  constructor() {
    this.what.placeholder = "tm.in.core.txn.v1/3/4711";
    const form = h("form", { class: "aud-controls" }, labelled(T.traceWhat, this.what), h("button", { type: "submit", class: "plain" }, T.tabs.trace));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = placeFor(this.what.value.trim());
    });
    this.element.append(panel("trace", T.tabs.trace, T.traceAbout, form, this.answer.element));
  }

  show(place: Place): void {
    const [kind, ...rest] = place.parts;
    if (kind === undefined) {
      this.answer.put(empty(T.chooseTrace));
      return;
    }
    this.what.value = rest.join("/");
    if (kind === "txn") {
      void this.answer.ask(
        () => get<Found>("/lineage/entries", { txn: rest[0] }, WAIT_MS),
        ({ entries }) => [h("ul", { class: "aud-places" }, ...entries.map((one) => h("li", {}, h("a", { href: addressOf("trace", ["entry", one.topic, String(one.partition), String(one.offset)]) }, `${one.topic}/${one.partition}/${one.offset}`))))],
      );
      return;
    }
    const path = kind === "event" ? `/lineage/events/${rest[0] ?? ""}` : `/lineage/entries/${rest.map(encodeURIComponent).join("/")}`;
    void this.answer.ask(() => get<JsonObject>(path, {}, WAIT_MS), (found) => [facts(this.what.value, found)]);
  }
}

/** A place in a log, a position in the log of decisions, or the id of an entry. */
function placeFor(text: string): string {
  const place = PLACE.exec(text);
  if (place) return addressOf("trace", ["entry", ...place.slice(1)]);
  return /^[0-9]+$/.test(text) ? addressOf("trace", ["event", text]) : addressOf("trace", ["txn", text]);
}
