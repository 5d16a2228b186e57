/** The bar on top: which entity and currency, which business date, how current, and which state this is. */

import { byId, h, setHidden, setText } from "./dom";
import { sorted, total } from "./offsets";
import { paced } from "./pace";
import type { Store } from "./store";
import type { Link } from "./stream";
import { age, clock, count, longDay } from "./time";
import type { Me, Offsets } from "./wire";
import { T, onWords } from "./words";

const ALL = "";

export class Header {
  private readonly entity = byId<HTMLSelectElement>("entity");
  private readonly currency = byId<HTMLSelectElement>("currency");
  private readonly button = byId<HTMLButtonElement>("link");
  private readonly dialog = byId<HTMLDialogElement>("state");
  private link: Link | null = null;
  private readonly draw = paced(500, () => this.render());

  constructor(
    private readonly store: Store,
    private readonly me: Me,
  ) {
    onWords(() => this.translate());
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
    this.showActor();
  }

  /** What was said before is said again, in the present language. */
  private translate(): void {
    this.entity.replaceChildren(); // its first option is a word
    this.render();
    if (this.link) this.showLink(this.link);
    this.showActor();
  }

  private showActor(): void {
    const { actor, roles, entities } = this.me;
    setText(byId("actor"), actor);
    byId("actor").title = T.actor(roles.join(", ") || T.noRoles, entities.includes("*") ? T.every : entities.join(", "));
  }

  showLink(link: Link): void {
    this.link = link;
    this.button.dataset["link"] = link.kind;
    document.body.dataset["link"] = link.kind;
    setText(byId("link-word"), link.kind === "stale" ? T.staleFor(age(link.age_ms)) : T.link[link.kind]);
    const banner = byId("banner");
    const explained = [...this.explain(link), ...link.warnings].join(" · ");
    setText(banner, explained);
    setHidden(banner, explained === "");
  }

  private explain(link: Link): string[] {
    if (link.kind === "stale") return [T.old(age(link.age_ms), link.detail)];
    return link.kind === "catching-up" && link.detail !== "" ? [link.detail] : [];
  }

  private render(): void {
    fill(this.entity, [[ALL, T.allEntities], ...this.store.entities().map((name) => [name, name] as const)], this.store.entity ?? ALL);
    fill(this.currency, this.store.currencies().map((name) => [name, name] as const), this.store.scope?.currency ?? "");
    const days = this.store.businessDates();
    const [first, last] = [days[0], days.at(-1)];
    setText(byId("business-date"), !first || !last ? "–" : first === last ? longDay(first) : T.days(longDay(first), longDay(last)));
    const { meta } = this.store;
    const lag = meta?.lag_records;
    setText(byId("lag"), lag == null ? "" : T.lag(count(lag)));
    setText(byId("last-event"), meta?.last_event_time ? T.lastEntry(clock(meta.last_event_time, "")) : "");
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
    setText(byId("state-total"), T.recordsIn(count(total(offsets)), rows.length));
    const origin = meta.provenance;
    const facts: readonly (readonly [string, string | number | null | undefined])[] = [
      [T.facts.as_of, meta.as_of],
      [T.facts.last, meta.last_event_time],
      [T.facts.waiting, meta.lag_records],
      [T.facts.result, origin?.result_id],
      [T.facts.engine, origin?.engine_version],
      [T.facts.configuration, origin?.config_version],
      [T.facts.digest, origin?.input_digest],
      [T.facts.scenario, origin?.scenario_id],
      ...Object.entries(meta.log ?? {}).map(([topic, id]) => [T.logOf(topic), id] as const),
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
      setText(done, T.copied);
    } catch {
      setText(done, T.noCopy);
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
