import { describe, expect, it } from "vitest";

import { timesOf } from "../src/alerts";
import { TrustBook } from "../src/board/trust";
import { edges, floored, headroom, inUnits, limitOf, percent, percentage } from "../src/limit-facts";
import type { Breaking, LimitRow, RatioRow, Ratios } from "../src/liquidity/api";
import { nearestFirst } from "../src/liquidity/breaking";
import { figureOf } from "../src/liquidity/cards";
import { steps } from "../src/liquidity/coverage";
import { planOf } from "../src/liquidity/plans";
import { nextDates } from "../src/liquidity/recoveries";
import { limitsOf, lightOf, patched, scopesOf } from "../src/liquidity/rows";
import { EN } from "../src/liquidity/texts";
import { ZH } from "../src/liquidity/texts-zh";
import { roomOf } from "../src/rooms";
import type { Alert, LimitFacts } from "../src/wire";

const facts = (more: Partial<LimitFacts> = {}): LimitFacts => ({
  limit_id: "lcr-board", metric: "lcr", scope: "entity", as_of: "2026-11-22", value: "0.875", light: "red", light_before: "green", incident: "i", minimum: "1", headroom: "-0.125", ...more,
});

const alert = (limit: LimitFacts | null, more: Partial<Alert> = {}): Alert => ({
  alert_id: "a", kind: "raised", rule: "limit", rule_version: "1", sequence: 0, entity: "BANK", organisation: "-", customer: "-", customer_class: "-", account: "-", currency: "CNY",
  amount: "350.00", threshold: "400.00", event_time: "2026-11-22T01:00:00Z", txn_id: "-", reason: "below", source: { topic: "tm.risk.cut.v1", partition: 0, offset: 2, log: "l" }, limit, severity: "WARNING", ...more,
});

const row = (more: Partial<RatioRow> = {}): RatioRow => ({
  figure: "lcr", scope: "entity", entity: "BANK", currency: "CNY", as_of: "2026-11-22", ratio_pct: "140", numerator: "140.00", denominator: "100.00", minimum_pct: "100", meets_minimum: true, surplus: "40.00",
  limits: [{ limit_id: "lcr-board", minimum_pct: "110", maximum_pct: null, headroom_pct: "27.27", light: "green" }], unmapped: "0.00", ...more,
});

describe("exact figures", () => {
  it("are rounded down, never up to a limit", () => {
    expect(percent("7/8")).toBe("87.50%");
    expect(percent("0.99999")).toBe("99.99%");
    expect(percent("1/3")).toBe("33.33%");
    expect(percent("-1/3")).toBe("−33.34%");
    expect(percentage("-0.001")).toBe("−0.01%");
    expect(percentage("1234.5")).toBe("1,234.50%");
    expect(floored("-90071992547409931.005")).toBe("-90071992547409931.01");
    expect(() => floored("1/0")).toThrow(RangeError);
    expect(() => floored("n/a")).toThrow(RangeError);
  });

  it("stand in the unit of their metric", () => {
    expect(inUnits("lcr", "1.25")).toBe("125.00%");
    expect(inUnits("position", "-1250")).toBe("−1,250.00");
    expect(edges("lcr", "1", null)).toBe("≥ 100.00%");
    expect(edges("position", "-5", "7")).toBe("≥ −5.00, ≤ 7.00");
    expect(headroom(facts())).toBe("−12.50%");
    expect(headroom(facts({ headroom: "0.25" }))).toBe("+25.00%");
    expect(headroom(facts({ metric: "position", minimum: "0", headroom: "-1200.5" }))).toBe("−1,200.50");
    expect(headroom(facts({ headroom: null }))).toBe("–");
  });
});

describe("alerts on limits", () => {
  it("say how many times its threshold a flow is, from twice on", () => {
    expect(timesOf(alert(null, { amount: "500", threshold: "100" }))).toBe(" · 5×");
    expect(timesOf(alert(null, { amount: "150", rolling: "250", threshold: "100" }))).toBe(" · 2×");
    expect(timesOf(alert(null, { amount: "199.99", threshold: "100" }))).toBe("");
    expect(timesOf(alert(null, { amount: "500", threshold: "0" }))).toBe("");
  });

  it("are not those of a large withdrawal, which is of an entry", () => {
    expect(limitOf(alert(facts()))?.limit_id).toBe("lcr-board");
    expect(limitOf(alert(facts({ metric: "large-withdrawal", cause: "b" })))).toBeNull();
    expect(limitOf(alert(null))).toBeNull();
  });
});

describe("rows of ratios", () => {
  const held: Ratios = { as_of: "2026-11-22", offsets: { "t/0": 5 }, rows: [row(), row({ figure: "nsfr", ratio_pct: "110" })] };

  it("take in what changed and refuse what is older", () => {
    const next = patched(held, { as_of: null, offsets: { "t/0": 6 }, rows: [row({ ratio_pct: "90" }), row({ entity: "NEW" })] });
    expect(next?.rows.map(({ entity, ratio_pct }) => [entity, ratio_pct])).toEqual([["BANK", "90"], ["BANK", "110"], ["NEW", "140"]]);
    expect(next?.as_of).toBe("2026-11-22");
    expect(patched(held, { as_of: null, offsets: { "t/0": 4 }, rows: [row({ ratio_pct: "1" })] })).toBeNull();
  });

  it("stand by scope, the group first", () => {
    const rows = [...held.rows, row({ scope: "group", entity: "-" }), row({ scope: "currency", currency: "USD" }), row({ scope: "organisation", member: "NORTH" })];
    const all = { by: "", entity: "", currency: "" } as const;
    expect(scopesOf(rows, all).map(({ kind }) => kind)).toEqual(["group", "entity"]);
    expect(scopesOf(rows, all)[1]).toMatchObject({ lcr: { ratio_pct: "140" }, nsfr: { ratio_pct: "110" } });
    expect(scopesOf(rows, { ...all, by: "currency" }).map(({ currency }) => currency)).toEqual(["USD"]);
    expect(scopesOf(rows, { ...all, by: "organisation" }).map(({ member }) => member)).toEqual(["NORTH"]);
    expect(scopesOf(rows, { ...all, entity: "OTHER" })).toEqual([]);
  });

  it("have the worst light of their limits", () => {
    const [limit] = row().limits;
    expect(lightOf(row({ limits: [limit!, { ...limit!, light: "amber" }] }))).toBe("amber");
    expect(lightOf(row({ limits: [] }))).toBeNull();
    expect(lightOf(null)).toBeNull();
  });
});

describe("the list of limits", () => {
  const open: LimitRow = { limit_id: "lcr-board", metric: "lcr", scope: "entity", entity: "BANK", currency: "CNY", light: "red", value: "0.9", minimum: "1.1", headroom: "-0.18", as_of: "2026-11-22", breach_no: "LB-1", plan_no: null, reason: "below" };

  it("has each limit once, the worst first, with its newest alert", () => {
    const position: LimitRow = { ...open, limit_id: "pos", metric: "position", scope: "currency", value: "-5", minimum: "0" };
    const red = row({ ratio_pct: "90", limits: [{ limit_id: "lcr-board", minimum_pct: "110", maximum_pct: null, headroom_pct: "-18.18", light: "red" }] });
    const all = limitsOf([row({ entity: "CALM" }), red], [open, position], [alert(facts(), { alert_id: "new" }), alert(facts(), { alert_id: "old" })]);
    expect(all.map(({ limit_id, entity, light }) => [limit_id, entity, light])).toEqual([["lcr-board", "BANK", "red"], ["pos", "BANK", "red"], ["lcr-board", "CALM", "green"]]);
    expect(all[0]).toMatchObject({ open: { breach_no: "LB-1" }, alert: { alert_id: "new" } });
    expect(all[1]!.now).toBeNull();
  });
});

describe("what the LCR is made of", () => {
  it("adds up from the levels to both sides", () => {
    const made = steps(row({ level1: "100.00", level2a: "30.00", level2b: "20.00", cap15_adjustment: "0.00", cap40_adjustment: "10.00", outflows: "160.00", recognised_inflows: "60.00" }));
    expect(made.map(({ text, kind }) => [text, kind])).toEqual([
      ["100.00", "in"], ["30.00", "in"], ["20.00", "in"], ["10.00", "out"], ["140.00", "total"], ["160.00", "total"], ["60.00", "out"], ["100.00", "total"],
    ]);
  });

  it("leaves out what is not there", () => expect(steps(row({ numerator: null, denominator: null }))).toEqual([]));
});

describe("who can break us", () => {
  const one = (status: Breaking["status"], count: number | null): Breaking => ({ figure: "lcr", limit_id: `${status}${count}`, scope: "entity", entity: "BANK", currency: "CNY", minimum: "100", value: "120", status, reason: "", count, amount: null, share_pct: null, depositors: [] });
  it("begins with what is broken, then with the fewest", () =>
    expect(nearestFirst([one("unbreakable", null), one("breakable", 9), one("not_computable", null), one("breakable", 2), one("broken", 0)]).map(({ limit_id }) => limit_id)).toEqual(["broken0", "breakable2", "breakable9", "unbreakablenull", "not_computablenull"]));
});

describe("dates to come", () => {
  const disposal = (key: string, due_on: string | null) => ({ kind: "LitigationCase", case: key, entity: "BANK", currency: "CNY", stage: "FILED", outstanding: "1.00", expected: "0.50", due_on, days_late: 0 });
  it("come earliest first, without those that have none", () =>
    expect(nextDates([disposal("b", "2026-12-01"), disposal("x", null), disposal("a", "2026-11-01")]).map((found) => found.case)).toEqual(["a", "b"]));
});

describe("addresses", () => {
  it("name the room and a plan in it", () => {
    expect(roomOf("#/liquidity")).toBe("liquidity");
    expect(roomOf("#/liquidity/plans/CFP-1")).toBe("liquidity");
    expect(roomOf("#/liquid")).toBe("live");
    expect(planOf("#/liquidity/plans/CFP%2F1")).toBe("CFP/1");
    expect(planOf("#/liquidity/plans/%")).toBeNull();
    expect(planOf("#/liquidity")).toBeNull();
  });
});

describe("the two languages", () => {
  const keys = (texts: object): string[] => Object.entries(texts).flatMap(([name, value]) => (typeof value === "object" ? Object.keys(value as object).map((key) => `${name}.${key}`) : [name])).sort();
  it("have the same sentences", () => expect(keys(ZH)).toEqual(keys(EN)));
});

describe("the trust mark of a ratio", () => {
  it("is that of its own sources: one currency needs no exchange rates, an entity and the group do", () => {
    const book = new TrustBook();
    const figures = [["lcr", "BANK", "FRESH"], ["consolidated-lcr", "BANK", "LATE"], ["consolidated-lcr", null, "SILENT"], ["consolidated-nsfr", null, "FRESH"]] as const;
    book.take({ judged_at: "", version: 1, policy_version: 1, sources: [], figures: figures.map(([figure, entity, state]) => ({ figure, entity, state, sources: [] })) });
    const states = (["currency", "entity", "group"] as const).map((scope) => book.of(figureOf({ figure: "lcr", scope }), scope === "group" ? "" : "BANK").state);
    expect(states).toEqual(["FRESH", "LATE", "SILENT"]);
    expect(book.of(figureOf({ figure: "nsfr", scope: "group" })).state).toBe("FRESH");
  });
});
