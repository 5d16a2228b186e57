import { describe, expect, it } from "vitest";

import { keep, restored as choiceOf } from "../src/board/choice";
import { type Cell, type Choice, cellOf, figure, inSight, lines, matches, order, spark } from "../src/board/rows";
import { type Trust, type TrustSource, TrustBook } from "../src/board/trust";
import { EN } from "../src/board/texts";
import { ZH } from "../src/board/texts-zh";
import { changed, moved, ofRole, placed, restored } from "../src/home/layout";
import { Store } from "../src/store";
import type { PositionRow } from "../src/wire";

const row = (entity: string, currency: string, position: string, more: Partial<PositionRow> = {}): PositionRow => ({ entity, currency, position, ...more });
const top = (entity: string, currency: string, position: string): Cell => cellOf(row(entity, currency, position), "entity");
const branch = (entity: string, organisation: string, position: string): Cell => cellOf(row(entity, "CNY", position, { organisation, projected_eod: position }), "organisation");
const CHOICE: Choice = { grain: "organisation", filter: "", entity: "", currency: "", sort: "name", descending: false, collapsed: new Set() };
const shown = (found: ReturnType<typeof lines>): string[] => found.map(({ level, cell }) => `${level} ${cell.name} ${cell.currency}`);

describe("lines of the board", () => {
  const tops = [top("BANK", "USD", "7"), top("BANK", "CNY", "30"), top("CF", "CNY", "5")];
  const cells = [branch("BANK", "B10", "10"), branch("BANK", "B2", "20"), branch("CF", "C1", "5")];

  it("stand under their entity and currency, names with numbers in the order of people", () => {
    expect(shown(lines(tops, cells, CHOICE))).toEqual(["1 BANK CNY", "2 B2 CNY", "2 B10 CNY", "1 BANK USD", "1 CF CNY", "2 C1 CNY"]);
  });
  it("are hidden by a collapsed group, which says so", () => {
    const found = lines(tops, cells, { ...CHOICE, collapsed: new Set(["BANK|CNY"]) });
    expect(shown(found)).toEqual(["1 BANK CNY", "1 BANK USD", "1 CF CNY", "2 C1 CNY"]);
    expect(found[0]).toMatchObject({ open: false, children: 2 });
  });
  it("are filtered by every word that was typed, and groups without a match go", () => {
    expect(shown(lines(tops, cells, { ...CHOICE, filter: "bank b2" }))).toEqual(["1 BANK CNY", "2 B2 CNY"]);
    expect(shown(lines(tops, cells, { ...CHOICE, entity: "CF" }))).toEqual(["1 CF CNY", "2 C1 CNY"]);
    expect(matches(tops[0] as Cell, "cny")).toBe(false);
  });
  it("are sorted by a figure exactly, beyond what a number can tell apart, unknown ones last both ways", () => {
    const large = ["90071992547409931.01", "90071992547409931.02"].map((position, at) => top(`E${at}`, "CNY", position));
    expect(order(large[0] as Cell, large[1] as Cell, "position", true)).toBe(1);
    const [known, unknown] = [branch("A", "X", "1"), cellOf(row("A", "CNY", "2", { organisation: "Y" }), "organisation")];
    for (const descending of [false, true]) expect(order(known, unknown, "projected_eod", descending)).toBe(-1);
  });
  it("follow a figure that moved", () => {
    const cell = top("BANK", "CNY", "1");
    expect(order(cell, top("CF", "CNY", "2"), "position", false)).toBe(-1);
    cell.row = row("BANK", "CNY", "3");
    expect(order(cell, top("CF", "CNY", "2"), "position", false)).toBe(1);
  });
  it("tell the change today from the position of the day before, once that is known", () => {
    const cell = top("BANK", "CNY", "10.50");
    expect(figure(cell, "change")).toBe("");
    cell.opening = "12.00";
    expect(figure(cell, "change")).toBe("-1.50");
  });
});

describe("what is in the document", () => {
  it("is what can be seen and a few beyond, however many lines there are", () => {
    expect(inSight(0, 600, 30, 5_000)).toEqual({ from: 0, to: 26 });
    expect(inSight(60_000, 600, 30, 5_000)).toEqual({ from: 1_994, to: 2_026 });
    expect(inSight(149_400, 600, 30, 5_000)).toEqual({ from: 4_974, to: 5_000 });
  });
  it("never reaches outside the lines, as when they became fewer", () => {
    expect(inSight(60_000, 600, 30, 10)).toEqual({ from: 10, to: 10 });
    expect(inSight(0, 0, 30, 0)).toEqual({ from: 0, to: 0 });
  });
});

it("draws a course over the whole box, and none of a single point", () => {
  expect(spark([1, 3, 2], 80, 20)).toBe("M0.0 20.0L40.0 0.0L80.0 10.0");
  expect(spark([5, 5], 80, 20)).toBe("M0.0 20.0L80.0 20.0");
  expect(spark([5], 80, 20)).toBe("");
});

describe("trust", () => {
  const source: TrustSource = {
    source: "entries/BANK/core", name: "entries", entity: "BANK", system: "core", topic: "t", state: "SILENT", reasons: ["silent"], silence_s: 9, late_s: 5, silent_s: 8,
    last_event_time: null, last_appended_at: null, lag_records: 0, waiting_s: 0, dead_letters: 0, missing_numbers: 0,
  };
  const told: Trust = {
    judged_at: "2026-11-22T12:00:00Z", version: 1, policy_version: 1, sources: [source],
    figures: [
      { figure: "positions", entity: null, state: "SILENT", sources: [source.source] },
      { figure: "positions", entity: "BANK", state: "SILENT", sources: [source.source] },
      { figure: "positions", entity: "CF", state: "FRESH", sources: [] },
    ],
  };

  it("is the entity's own where it is told, that of all else, and unknown where nobody told", () => {
    const book = new TrustBook();
    expect(book.of("positions", "BANK").state).toBe("UNKNOWN");
    let news = 0;
    book.onNews(() => (news += 1));
    book.take(told);
    expect(book.of("positions", "BANK")).toEqual({ state: "SILENT", sources: [source] });
    expect(book.of("positions", "CF").state).toBe("FRESH");
    expect(book.of("positions", "LEASE").state).toBe("SILENT");
    expect(book.of("gap", "BANK").state).toBe("UNKNOWN");
    expect(news).toBe(1);
  });
});

describe("what was chosen", () => {
  it("comes back as it was kept, and makes sense whatever was kept", () => {
    const kept = new Map<string, string>();
    globalThis.localStorage = { setItem: (name: string, text: string) => kept.set(name, text) } as unknown as Storage;
    const choice = { ...choiceOf(null), grain: "business_line" as const, sort: "change" as const, descending: true, filter: "x", collapsed: new Set(["A|CNY"]), columns: ["change" as const] };
    keep(choice);
    expect(choiceOf(kept.get("tidemark.board") ?? null)).toEqual(choice);
    for (const odd of ["{", "null", "7", '{"grain":"planet","columns":["x"],"collapsed":3,"sort":9}']) expect(choiceOf(odd)).toEqual(choiceOf(null));
  });
});

describe("the home view", () => {
  const names = (tiles: ReturnType<typeof ofRole>): string[] => tiles.map(({ widget }) => widget);

  it("shows every tile once, in each role's own order", () => {
    for (const roles of [[], ["TR"], ["OP"], ["AM"], ["RM"]]) expect(new Set(names(ofRole(roles))).size).toBe(7);
    expect(names(ofRole(["AM"]))[0]).toBe("todos");
    expect(names(ofRole(["TR"]))[0]).toBe("positions");
  });
  it("takes what was saved, without what it does not know, and new tiles at the end", () => {
    const tiles = restored([{ widget: "gap", size: "full", hidden: true }, { widget: "planets", size: "small", hidden: false }, { widget: "gap", size: "small", hidden: false }, { widget: "limits", size: "huge", hidden: false }], ["TR"]);
    expect(tiles.slice(0, 2)).toEqual([{ widget: "gap", size: "full", hidden: true }, { widget: "limits", size: "small", hidden: false }]);
    expect(tiles).toHaveLength(7);
  });
  it("moves a tile past those in sight, and not out of the range", () => {
    const tiles = changed(ofRole(["TR"]), "ratios", { hidden: true });
    expect(names(moved(tiles, "limits", -1)).filter((name) => name !== "ratios").slice(0, 2)).toEqual(["limits", "positions"]);
    expect(moved(tiles, "positions", -1)).toEqual(tiles);
    expect(names(placed(tiles, "positions", "trust", true)).at(-1)).toBe("positions");
  });
});

it("has every sentence in both languages", () => {
  const keys = (texts: object): string[] => Object.entries(texts).flatMap(([name, value]) => (typeof value === "object" ? Object.keys(value as object).map((inner) => `${name}.${inner}`) : [name])).sort();
  expect(keys(ZH)).toEqual(keys(EN));
});

it("keeps the order of rows while they move and makes it anew when one comes or goes", () => {
  const store = new Store(() => 0);
  const tell = (next: number, ...rows: PositionRow[]) => ({ offsets: { "t/0": next }, rows });
  store.replacePositions(tell(1, row("B", "CNY", "1"), row("A", "USD", "1")));
  expect(store.inView().map(({ entity }) => entity)).toEqual(["A", "B"]);
  store.patchPositions(tell(2, row("B", "CNY", "9"), row("AB", "CNY", "2")));
  expect(store.inView().map(({ entity, position }) => `${entity} ${position}`)).toEqual(["AB 2", "A 1", "B 9"]);
  store.replacePositions(tell(3, row("B", "CNY", "9"), row("C", "CNY", "1"), row("A", "USD", "1")));
  expect(store.inView().map(({ entity }) => entity)).toEqual(["A", "B", "C"]);
});
