import { describe, expect, it } from "vitest";

import type { JsonObject } from "../src/calculations/api";
import { drawings } from "../src/calculations/drawings";
import { exact, short } from "../src/calculations/drawing";
import { csv } from "../src/calculations/export";
import { grouped, matches } from "../src/calculations/list";
import { lineAt, locate, parts } from "../src/calculations/locate";
import { pretty } from "../src/calculations/pretty";
import { fieldsOf, skeleton } from "../src/calculations/schema";
import { words } from "../src/calculations/texts";
import { ranges, signed } from "../src/calculations/waterfall";
import { roomOf } from "../src/rooms";

describe("locate", () => {
  const text = '{\n  "as_of": "2026",\n  "flows": [\n    {"date": "a", "amount": "1"},\n    {"date": "b{]\\"", "amount": 2}\n  ]\n}';
  const at = (path: string): string | null => {
    const span = locate(text, path);
    return span && text.slice(span.start, span.end);
  };

  it("finds values, entries and lists", () => {
    expect(at("as_of")).toBe('"2026"');
    expect(at("flows[1].amount")).toBe("2");
    expect(at("flows[0]")).toBe('{"date": "a", "amount": "1"}');
    expect(lineAt(text, locate(text, "flows[1].amount")?.start ?? 0)).toBe(5);
  });

  it("falls back to the nearest parent that is there", () => {
    expect(at("flows[0].currency")).toBe('{"date": "a", "amount": "1"}');
    expect(at("missing")).toBe(text);
  });

  it.each(["", "{", '{"a"', '{"a": [', "[,", '{"a": "x', "[}", '{1: 2}', '{"a": [}]'])("ends on %j", (broken) => {
    const span = locate(broken, "a[0].b");
    expect(span === null || span.end <= broken.length).toBe(true);
  });

  it("splits paths", () => expect(parts("books.CNY.flows[12].amount")).toEqual(["books", "CNY", "flows", 12, "amount"]));
});

describe("waterfall", () => {
  const steps = [
    { name: "a", text: "300", kind: "in" },
    { name: "b", text: "115.50", kind: "out" },
    { name: "c", text: "-200", kind: "change" },
    { name: "d", text: "250", kind: "total" },
    { name: "e", text: "0.00", kind: "out" },
  ] as const;

  it("stands each step on the one before, and a total on the ground", () => {
    expect(ranges(steps)).toEqual([{ from: 0, to: 300 }, { from: 300, to: 184.5 }, { from: 184.5, to: -15.5 }, { from: 0, to: 250 }, { from: 250, to: 250 }]);
  });

  it("signs what is not a total", () => {
    expect(steps.map((step) => signed(step, exact))).toEqual(["+300", "−115.5", "−200", "250", "0"]);
  });
});

describe("figures", () => {
  it("drops zeros at the end and nothing else", () => {
    expect(["1695.000000", "-0.250", "1000", "100", "x", ""].map(exact)).toEqual(["1,695", "−0.25", "1,000", "100", "x", "–"]);
  });

  it("shortens labels as axes do", () => {
    expect(["250.000000", "2.405660", "123456789.12", "-0.00123456", ""].map(short)).toEqual(["250", "2.41", "123.46m", "−0.00123", "–"]);
  });
});

describe("drawings", () => {
  const lcr: JsonObject = {
    level1: "300.000000", level2a: "255.000000", level2b: "60.000000", cap15_adjustment: "0.000000", cap40_adjustment: "115.000000",
    hqla_stock: "500.000000", total_outflows: "1000.000000", total_inflows: "900.000000", inflow_cap: "750.000000",
    recognised_inflows: "750.000000", net_outflows: "250.000000", lcr_pct: "200.000000", cap40_binding: true, inflow_cap_binding: true, meets_minimum: true,
  };

  it("says in words what binds", () => {
    const [stock, inflows] = drawings("lcr", {}, lcr);
    expect(stock?.summary).toBe("LCR 200 %; meets the minimum. Binding: the 40% cap, the cap on inflows.");
    expect(inflows?.isWarning).toBe(true);
  });

  it("names the day to which the buffer lasts", () => {
    const path = [{ day: 1, counterbalancing_capacity: "10", cumulative_net_flow: "-5", surplus: "5" }];
    expect(drawings("survival_horizon", {}, { horizon_days: 1, is_whole_range: false, path })[0]?.summary).toBe("The buffer lasts 1 day.");
  });

  it.each(["lcr", "nsfr", "gap", "stress", "eve", "limits", "cashflows", "explain_change", "nobody"])("%s draws nothing of a shape it does not know", (name) => {
    expect(drawings(name, { values: 1 }, { status: "NOT_COMPUTABLE", lines: "none" })).toEqual([]);
  });
});

describe("input", () => {
  const schema: JsonObject = {
    oneOf: [{ $ref: "#/$defs/A", title: "a" }, { $ref: "#/$defs/B", title: "b" }],
    $defs: {
      A: { properties: { amount: { anyOf: [{ pattern: "^[0-9]+$", type: "string" }, { type: "integer" }], description: "of it" }, lines: { type: "array", items: { $ref: "#/$defs/L" } } }, required: ["amount", "lines"] },
      B: { properties: { kind: { enum: ["x", "y"], type: "string" } }, required: ["kind"] },
      L: { properties: { day: { type: "string", format: "date" }, note: { type: "string" } }, required: ["day"] },
    },
  };

  it("lists the fields of the chosen shape", () => {
    expect(fieldsOf(schema, "a").map(({ path, type, required }) => [path, type, required])).toEqual([
      ["amount", "decimal text", true],
      ["lines", "list of any", true],
      ["lines[].day", "date", true],
      ["lines[].note", "text", false],
    ]);
  });

  it("fills in what is needed", () => {
    expect(skeleton(schema, "a")).toEqual({ amount: "0", lines: [{ day: "2026-01-31" }] });
    expect(skeleton(schema, "b")).toEqual({ kind: "x" });
  });

  it.each([{}, { a: 1 }, { a: [], b: { c: null } }, { list: Array.from({ length: 60 }, (_, at) => String(at)) }])("pretty text is the same value: %j", (value) => {
    const text = pretty(value as JsonObject);
    expect(JSON.parse(text)).toEqual(value);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("list", () => {
  const named = [
    { name: "lcr", description: "Liquidity coverage ratio (LIQ-19)." },
    { name: "brand_new", description: "Nobody grouped it." },
  ];

  it("loses none", () => expect(grouped(named).map(({ key, engines }) => [key, engines.length])).toEqual([["ratios", 1], ["others", 1]]));

  it("matches every word", () => {
    expect(named.filter((one) => matches(one, "liq-19 cover")).map(({ name }) => name)).toEqual(["lcr"]);
    expect(named.filter((one) => matches(one, "")).length).toBe(2);
  });

  it("spells names", () => expect(["lcr", "ftp_simulation", "liquidity_gap_ratio"].map(words)).toEqual(["LCR", "FTP simulation", "Liquidity gap ratio"]));

  it("knows its room", () => expect(["", "#/", "#positions", "#/calculations", "#/calculations/lcr", "#/calculationsx"].map(roomOf)).toEqual(["live", "live", "live", "calculations", "calculations", "live"]));
});

describe("csv", () => {
  it("quotes, keeps digits, and disarms formulas", () => {
    const sheet = { title: "A", columns: ["name", "amount"], rows: [{ name: '=1+"1"', amount: "-5.00" }, { name: "a,b", amount: null }], amounts: [] };
    expect(csv([sheet])).toBe('A\r\nname,amount\r\n"\'=1+""1""",-5.00\r\n"a,b",\r\n');
  });
});
