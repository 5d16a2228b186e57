/** Any ledger at any two instants, what is behind a row, how two reports differ, and the files of it. */

import type { Json } from "../calculations/api";
import { trusted } from "../board/marks";
import { h } from "../dom";
import { type Cell, table } from "../table";
import { get, url } from "../wire";
import { type Place, addressOf } from "./address";
import { cell, cellOf, plainCell, shown } from "./cells";
import { DaySlider } from "./moments";
import { Answers, type View, empty, labelled, panel } from "./pane";
import { T, language, titleOf, word } from "./words";

interface Column {
  readonly name: string;
  readonly title: string;
  readonly title_zh: string;
  readonly kind: string;
}
type Row = Readonly<Record<string, Json>>;

interface About {
  readonly name: string;
  readonly id: string;
  readonly title: string;
  readonly title_zh: string;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
}

interface Ledger {
  readonly title: string;
  readonly title_zh: string;
  readonly as_of: string;
  readonly known_at: string;
  readonly position: number;
  readonly row_count: number;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly totals: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Told {
  readonly position: number;
  readonly type: string;
  readonly aggregate: string;
  readonly key: string;
  readonly actor: string;
  readonly valid_on: string;
  readonly recorded_at: string;
  readonly reason: string;
}

interface Explained {
  readonly key: string;
  readonly events: readonly (Told & { readonly changes: readonly { readonly column: string; readonly before: Json; readonly after: Json }[] })[];
}

interface Difference {
  readonly count: number;
  readonly rows: readonly { readonly key: string; readonly kind: string; readonly cells: readonly { readonly column: string; readonly before: Json; readonly after: Json }[]; readonly events: readonly Told[] }[];
}

const ROWS_MAX = 200;
const FORMATS = ["xlsx", "pdf", "csv", "parquet", "json"] as const;
const FIRST = "risk_asset";

export class LedgersView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly choice = h("select", { id: "aud-ledger" });
  private readonly where = h("input", { type: "search", id: "aud-where", autocomplete: "off" });
  private readonly asOf = new DaySlider("as-of", T.asOf, () => this.go());
  private readonly knownAt = new DaySlider("known-at", T.knownAt, () => this.go());
  private readonly other = h("input", { type: "date", id: "aud-other" });
  private readonly answer = new Answers();
  private readonly behind = new Answers();
  private all: readonly About[] = [];
  private first = "";
  private place: Place | null = null;

  constructor() {
    this.choice.addEventListener("change", () => this.go(this.choice.value));
    this.other.addEventListener("change", () => this.go());
    this.where.addEventListener("change", () => this.go());
    this.where.placeholder = T.whereLike;
    const controls = h("div", { class: "aud-controls" }, labelled(T.ledger, this.choice), labelled(T.where, this.where), this.asOf.element, this.knownAt.element, labelled(T.compareWith, this.other));
    this.element.append(panel("ledgers", T.tabs.ledgers, T.ledgersAbout, controls, this.answer.element), this.behind.element);
  }

  show(place: Place): void {
    this.place = place;
    void this.answer.ask(
      async () => {
        if (this.all.length === 0) await this.begin();
        const asked = this.asked();
        const other = place.query.get("other") ?? "";
        this.fill();
        return other === "" ? { ledger: await get<Ledger>(`/ledgers/${this.name}`, asked, 60_000), difference: null } : { ledger: null, difference: await get<Difference>(`/ledgers/${this.name}/difference`, { ...asked, other_known_at: other, where: undefined, limit: String(ROWS_MAX) }, 60_000) };
      },
      ({ ledger, difference }) => (ledger ? this.drawn(ledger) : difference ? this.compared(difference) : []),
    );
    const row = place.query.get("row");
    if (row) this.explain(row);
    else this.behind.put();
  }

  private get name(): string {
    return this.place?.parts[0] ?? FIRST;
  }

  private get about(): About | undefined {
    return this.all.find(({ name }) => name === this.name);
  }

  /** Nothing is known of the sources of a past moment. */
  private get isPresent(): boolean {
    return (this.place?.query.get("known_at") ?? "") === "";
  }

  private asked(): Record<string, string | undefined> {
    const query = this.place?.query;
    const given = (name: string): string | undefined => query?.get(name) ?? undefined;
    return { as_of: given("as_of"), known_at: given("known_at"), where: given("where"), limit: String(ROWS_MAX) };
  }

  private async begin(): Promise<void> {
    const [{ ledgers }, oldest] = await Promise.all([
      get<{ ledgers: About[] }>("/ledgers"),
      get<Ledger>("/ledgers/decisions", { sort: "valid_on", limit: "1", columns: "valid_on" }).catch(() => null),
    ]);
    this.all = ledgers;
    const day = oldest?.rows[0]?.["valid_on"];
    this.first = typeof day === "string" ? day.slice(0, 10) : "";
    this.choice.replaceChildren(...ledgers.map((one) => h("option", { value: one.name }, `${one.id} ${titleOf(one)}`)));
  }

  private fill(): void {
    const query = this.place?.query;
    const start = this.first === "" ? "2022-01-01" : this.first;
    this.choice.value = this.name;
    this.where.value = query?.get("where") ?? "";
    this.other.value = query?.get("other") ?? "";
    this.asOf.set(query?.get("as_of") ?? "", start);
    this.knownAt.set(query?.get("known_at") ?? "", start);
  }

  private go(name = this.name, row = ""): void {
    location.hash = addressOf("ledgers", [name], { as_of: this.asOf.value, known_at: this.knownAt.value, where: name === this.name ? this.where.value : "", other: this.other.value, row });
  }

  private drawn(ledger: Ledger): (Node | null)[] {
    const { rows } = ledger;
    const key = this.about?.key ?? [];
    // What names a row stands first.
    const columns = [...ledger.columns.filter(({ name }) => key.includes(name)), ...ledger.columns.filter(({ name }) => !key.includes(name))];
    const heads = columns.map(titleOf);
    const opener = (row: Row): Cell => {
      const whole = key.map((name) => String(row[name] ?? "")).join("|");
      return { content: h("button", { type: "button", class: "aud-open", onclick: () => this.go(this.name, whole) }, shown(row[columns[0]?.name ?? ""])) };
    };
    const body = rows.map((row) => columns.map((column, at) => (at === 0 ? opener(row) : cellOf(column.name, row[column.name]))));
    for (const [currency, sums] of Object.entries(ledger.totals)) {
      if (Object.keys(sums).length === 0) continue;
      body.push(columns.map((column, at) => (at === 0 ? { content: h("b", {}, T.total(currency)) } : column.name in sums ? cell(sums[column.name]) : { content: "" })));
    }
    const files = FORMATS.map((format) => h("a", { class: "plain", href: url(`/ledgers/${this.name}/export`, { ...this.asked(), limit: undefined, form: format, language }), download: "" }, format.toUpperCase()));
    return [
      h("p", { class: "aud-stamp" }, T.stamp(ledger.row_count, ledger.as_of, shown(ledger.known_at), ledger.position), " ", this.isPresent ? trusted("ledgers") : null, " ", h("span", { class: "aud-files" }, `${T.files} `, ...files, h("a", { class: "plain", target: "_blank", href: url(`/ledgers/${this.name}/print`, { ...this.asked(), limit: undefined, language }) }, T.print))),
      rows.length === 0 ? empty(T.noRows) : table(titleOf(ledger), heads, body),
      ledger.row_count > rows.length ? h("p", { class: "quiet aud-stamp" }, T.firstRows(rows.length, ledger.row_count)) : null,
    ];
  }

  private compared(difference: Difference): (Node | null)[] {
    const rows = difference.rows.flatMap((row) =>
      row.cells.map((one, at) => [
        { content: at === 0 ? row.key : "" },
        { content: at === 0 ? word(row.kind) : "" },
        { content: this.heading(one.column) },
        plainCell(one.before),
        plainCell(one.after),
        { content: at === 0 ? row.events.map((event) => `${word(event.type)} ${event.valid_on} (${event.actor})`).join("; ") : "" },
      ]),
    );
    return [h("p", { class: "aud-stamp" }, T.differing(difference.count)), rows.length === 0 ? empty(T.noDifference) : table(T.compareWith, T.differenceHeads, rows)];
  }

  private heading(name: string): string {
    const found = this.about?.columns.find((column) => column.name === name);
    return found ? titleOf(found) : word(name);
  }

  private explain(row: string): void {
    const { as_of, known_at } = this.asked();
    void this.behind.ask(
      () => get<Explained>(`/ledgers/${this.name}/${encodeURIComponent(row)}/explain`, { as_of, known_at }, 60_000),
      (found) => {
        const rows = found.events.flatMap((event) =>
          event.changes.filter(isNews).map((change, at) => [
            { content: at === 0 ? event.valid_on : "" },
            { content: at === 0 ? shown(event.recorded_at) : "" },
            { content: at === 0 ? h("a", { href: addressOf("trace", ["event", String(event.position)]) }, `${word(event.type)} ${event.key}`) : "" },
            { content: at === 0 ? event.actor : "" },
            { content: this.heading(change.column) },
            plainCell(change.before),
            plainCell(change.after),
          ]),
        );
        return [panel("behind", T.behind(found.key), T.behindAbout, rows.length === 0 ? empty(T.noEvents) : table(T.behind(found.key), T.behindHeads, rows))];
      },
    );
  }
}

/** A row begins with nought in most of its columns. */
const isNews = ({ before, after }: { readonly before: Json; readonly after: Json }): boolean => before !== null || !(after === null || after === "" || after === 0 || /^0(\.0+)?$/.test(String(after)));
