import { describe, expect, it } from "vitest";

import { order } from "../src/offsets";
import { Series } from "../src/series";
import { Store } from "../src/store";
import type { Alert, GapRow, Positions } from "../src/wire";

const positions = (next: number, position: string, more: Partial<Positions> = {}): Positions => ({
  offsets: { "t/0": next },
  rows: [{ entity: "E", currency: "CNY", position }],
  ...more,
});

const alert = (sequence: number, partition = 0): Alert =>
  ({
    alert_id: `${partition}-${sequence}`,
    sequence,
    entity: "E",
    currency: "CNY",
    source: { topic: "t", partition, offset: sequence, log: "l" },
  }) as Alert;

const shownPosition = (store: Store): string | undefined => store.positions.get("E|CNY")?.position;

describe("order of offset vectors", () => {
  it("tells the four cases apart", () => {
    expect(order({ a: 1 }, { a: 1 })).toBe("equal");
    expect(order({ a: 1 }, { a: 2 })).toBe("before");
    expect(order({ a: 1, b: 1 }, { a: 1 })).toBe("after");
    expect(order({ a: 2, b: 1 }, { a: 1, b: 2 })).toBe("apart");
  });
});

describe("positions", () => {
  it("ignores an older event and asks for a state where vectors are apart", () => {
    const store = new Store();
    expect(store.patchPositions(positions(1, "1.00"))).toBe("apart");
    store.replacePositions(positions(5, "5.00"));
    expect(store.patchPositions(positions(4, "4.00"))).toBe("older");
    expect(store.patchPositions({ ...positions(0, "9.00"), offsets: { "t/0": 4, "t/1": 9 } })).toBe("apart");
    expect(shownPosition(store)).toBe("5.00");
    expect(store.patchPositions(positions(6, "6.00"))).toBe("applied");
    expect(shownPosition(store)).toBe("6.00");
  });

  it("drops rows that a whole table no longer has", () => {
    const store = new Store();
    store.replacePositions(positions(1, "1.00"));
    store.replacePositions({ offsets: { "t/0": 2 }, rows: [] });
    expect(store.positions.size).toBe(0);
  });

  it("forgets everything when the log was started afresh", () => {
    const store = new Store();
    store.replacePositions(positions(500, "5.00", { log: { t: "first" } }));
    store.addAlerts([alert(0)], "first");
    store.replacePositions(positions(1, "0.10", { log: { t: "second" } }));
    expect(shownPosition(store)).toBe("0.10");
    expect(store.alerts).toEqual([]);
  });

  it("does not let an older result id stand beside newer offsets", () => {
    const store = new Store();
    store.replacePositions(positions(1, "1.00", { provenance: { result_id: "r1", engine_version: "0.1.0" } }));
    store.patchPositions(positions(2, "2.00"));
    expect(store.meta?.provenance).toEqual({ engine_version: "0.1.0" });
  });
});

describe("alerts", () => {
  it("shows each once, newest first, and marks only those that came live", () => {
    const store = new Store();
    store.addAlerts([alert(1), alert(0)], "first");
    store.addAlerts([alert(2)], "live");
    store.addAlerts([alert(2), alert(1)], "live");
    expect(store.alerts.map(({ sequence }) => sequence)).toEqual([2, 1, 0]);
    expect([...store.unseen]).toEqual(["0-2"]);
  });

  it("puts older pages below and does not call them new", () => {
    const store = new Store();
    store.addAlerts([alert(5)], "first");
    store.addAlerts([alert(4), alert(3)], "earlier");
    expect(store.alerts.map(({ sequence }) => sequence)).toEqual([5, 4, 3]);
    expect(store.unseen.size).toBe(0);
  });
});

describe("the gap", () => {
  const row = (bucket: string, currency = "CNY") => ({ entity: "E", currency, bucket, gap: "1.00" }) as GapRow;

  it("takes a cell whole: a bucket that is gone does not linger", () => {
    const store = new Store();
    store.replaceGap({ offsets: { c: 1 }, buckets: ["ON", "D2_7"], rows: [row("ON"), row("D2_7"), row("ON", "USD")] });
    store.patchGap({ offsets: { c: 2 }, rows: [row("D2_7")] });
    expect([...(store.gap.get("E|CNY")?.keys() ?? [])]).toEqual(["D2_7"]);
    expect(store.gap.get("E|USD")?.size).toBe(1);
    expect(store.buckets).toEqual(["ON", "D2_7"]);
  });
});

describe("the live series", () => {
  it("stays bounded and keeps its first and its newest point", () => {
    const series = new Series(100, 0);
    for (let at = 0; at < 10_000; at++) series.add({ at_ms: at, text: `${at}.00` });
    expect(series.all.length).toBeLessThanOrEqual(100);
    expect(series.all[0]?.text).toBe("0.00");
    expect(series.all.at(-1)?.text).toBe("9999.00");
  });

  it("lets the newer value stand in within the spacing", () => {
    const series = new Series(100, 250);
    for (const at_ms of [0, 100, 200, 240, 260]) series.add({ at_ms, text: String(at_ms) });
    expect(series.all.map(({ at_ms }) => at_ms)).toEqual([0, 240, 260]);
  });
});
