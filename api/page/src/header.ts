/** The bar on top: which entity and currency, which business date, how current, and which state this is. */

import { byId, h, onFrame, setHidden, setText } from "./dom";
import { sorted, total } from "./offsets";
import type { Store } from "./store";
import type { Link, LinkKind } from "./stream";
import { age, clock, count, longDay } from "./time";
import type { Offsets } from "./wire";

const ALL = "";

const WORDS: Readonly<Record<LinkKind, string>> = {
  connecting: "Connecting…",
  live: "Live",
  "catching-up": "Catching up",
  reconnecting: "Reconnecting…",
  stale: "Stale",
  "signed-out": "Signed out",
};

export class Header {
  private readonly entity = byId<HTMLSelectElement>("entity");
  private readonly currency = byId<HTMLSelectElement>("currency");
  private readonly button = byId<HTMLButtonElement>("link");
  private readonly dialog = byId<HTMLDialogElement>("state");
  private readonly draw = onFrame(() => this.render());

  constructor(private readonly store: Store) {
    store.on(["positions", "alerts", "scope"], this.draw);
    this.entity.addEventListener("change", () => store.chooseEntity(this.entity.value === ALL ? null : this.entity.value));
    this.currency.addEventListener("change", () => {
      store.choose({ entity: store.scope?.entity ?? "", currency: this.currency.value });
    });
    this.button.addEventListener("click", () => this.open());
    byId("state-close").addEventListener("click", () => this.dialog.close());
    byId("state-copy").addEventListener("click", () => void this.copy());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // the backdrop
    });
  }

  showLink(link: Link): void {
    this.button.dataset["link"] = link.kind;
    document.body.dataset["link"] = link.kind;
    setText(byId("link-word"), link.kind === "stale" ? `Stale for ${age(link.age_ms)}` : WORDS[link.kind]);
    const banner = byId("banner");
    const explained = [...this.explain(link), ...link.warnings].join(" · ");
    setText(banner, explained);
    setHidden(banner, explained === "");
  }

  private explain(link: Link): string[] {
    if (link.kind === "stale") return [`These figures are ${age(link.age_ms)} old. ${link.detail}`];
    return link.kind === "catching-up" && link.detail !== "" ? [link.detail] : [];
  }

  private render(): void {
    fill(this.entity, [[ALL, "All entities"], ...this.store.entities().map((name) => [name, name] as const)], this.store.entity ?? ALL);
    fill(this.currency, this.store.currencies().map((name) => [name, name] as const), this.store.scope?.currency ?? "");
    const days = this.store.businessDates();
    const [first, last] = [days[0], days.at(-1)];
    setText(byId("business-date"), !first || !last ? "–" : first === last ? longDay(first) : `${longDay(first)} to ${longDay(last)}`);
    const { meta } = this.store;
    const lag = meta?.lag_records;
    setText(byId("lag"), lag == null ? "" : `lag ${count(lag)}`);
    setText(byId("last-event"), meta?.last_event_time ? `last entry ${clock(meta.last_event_time, "")}` : "");
    if (this.dialog.open) this.fillState();
  }

  private open(): void {
    this.fillState();
    setText(byId("state-copied"), "");
    this.dialog.showModal();
  }

  private fillState(): void {
    const { meta } = this.store;
    if (!meta) return;
    const offsets = this.offsets();
    const rows = sorted(offsets).map(({ topic, partition, next }) =>
      h("tr", {}, h("td", {}, topic), h("td", { class: "number" }, String(partition)), h("td", { class: "number" }, count(next))),
    );
    byId("state-offsets").replaceChildren(...rows);
    setText(byId("state-total"), `${count(total(offsets))} records in ${rows.length} partitions`);
    const origin = meta.provenance;
    const facts: readonly (readonly [string, string | number | null | undefined])[] = [
      ["Business date", meta.as_of],
      ["Last entry", meta.last_event_time],
      ["Records waiting", meta.lag_records],
      ["Result", origin?.result_id],
      ["Engine", origin?.engine_version],
      ["Configuration", origin?.config_version],
      ["Input digest", origin?.input_digest],
      ["Scenario", origin?.scenario_id],
      ...Object.entries(meta.log ?? {}).map(([topic, id]) => [`Log of ${topic}`, id] as const),
    ];
    const list = byId("state-facts");
    list.replaceChildren();
    for (const [name, value] of facts) if (value != null) list.append(h("dt", {}, name), h("dd", {}, String(value)));
  }

  /** Of all that the page shows: the gap may be folded from topics of its own. */
  private offsets(): Offsets {
    return { ...this.store.gapOffsets, ...this.store.meta?.offsets };
  }

  private async copy(): Promise<void> {
    const done = byId("state-copied");
    try {
      await navigator.clipboard.writeText(JSON.stringify(this.offsets()));
      setText(done, "Copied.");
    } catch {
      setText(done, "The browser does not allow copying here.");
    }
  }
}

/** Options are rewritten only when they differ: a list that is open must not close under the reader. */
function fill(select: HTMLSelectElement, options: readonly (readonly [string, string])[], value: string): void {
  const present = [...select.options].map((option) => option.value);
  if (present.length !== options.length || options.some(([name], at) => present[at] !== name)) {
    select.replaceChildren(...options.map(([name, title]) => h("option", { value: name }, title)));
  }
  if (select.value !== value) select.value = value;
}
