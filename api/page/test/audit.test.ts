import { describe, expect, it } from "vitest";

import { bookingName, compareWithBar, dateName, eventName, totalOf } from "../src/audit-words";
import { label, tick } from "../src/buckets";
import type { ContractFlow, GapContracts, GapRow } from "../src/wire";

const PLACE = "tm.in.core.contract.v1/0";

const bar: GapRow = {
  entity: "E",
  currency: "CNY",
  bucket: "D2_7",
  inflow: "90071992547409.93",
  outflow: "1.00",
  gap: "90071992547408.93",
  cumulative: null,
  contracts: 3,
};

const answer = (next: number, inflow: string, gap: string): GapContracts => ({
  as_of: "2026-11-22",
  offsets: { [PLACE]: next, "tm.in.core.business-date.v1/0": 5 },
  bucket: "D2_7",
  totals: [
    { entity: "E", currency: "USD", inflow: "7", outflow: "7", gap: "0", contracts: 1, distinct_contracts: 1 },
    { entity: "E", currency: "CNY", inflow, outflow: "1.00", gap, contracts: 3, distinct_contracts: 2 },
  ],
  rows: [],
  next: null,
});

const flow = (more: Partial<ContractFlow>): ContractFlow => ({
  flow_date: "2026-11-27",
  event_type: "IP",
  payoff: "0.415",
  currency: "CNY",
  kind: "interest",
  booked: "0.42",
  rounding: "0.005",
  bucket: "D2_7",
  in_gap: true,
  ...more,
});

describe("whether contracts add up to the bar", () => {
  it("sees the last unit of an amount that a Number would round", () => {
    const exact = compareWithBar(answer(9, bar.inflow, bar.gap), bar, { [PLACE]: 9 }, "2026-11-22");
    expect(exact.kind).toBe("equal");
    const off = compareWithBar(answer(9, "90071992547409.94", "90071992547408.94"), bar, { [PLACE]: 9 }, "2026-11-22");
    expect(off.kind).toBe("different");
    expect(off.text).toContain("90,071,992,547,408.94");
  });

  it("blames nobody where the two stand at different cuts or dates", () => {
    const newer = answer(10, "3.00", "2.00");
    expect(compareWithBar(newer, bar, { [PLACE]: 9 }, "2026-11-22").kind).toBe("moved");
    expect(compareWithBar(newer, bar, { [PLACE]: 10 }, "2026-11-21").kind).toBe("moved");
    expect(compareWithBar(newer, bar, { [PLACE]: 10 }, "2026-11-22").kind).toBe("different");
  });

  it("takes the total of the bar's own currency, nought where there is none", () => {
    expect(totalOf(answer(9, "3.00", "2.00"), "E", "CNY").gap).toBe("2.00");
    expect(totalOf(answer(9, "3.00", "2.00"), "E", "JPY").contracts).toBe(0);
  });
});

describe("a flow in words", () => {
  it("tells how the payoff became the booked amount", () => {
    expect(bookingName(flow({}))).toBe("0.42 stands in the gap: the payoff, rounded half up to minor units (difference 0.005).");
    expect(bookingName(flow({ rounding: "-0.0000" }))).toContain("nothing was rounded");
    expect(bookingName(flow({ in_gap: false }))).toContain("counts as paid");
    expect(bookingName(flow({ payoff: null, event_type: null, rounding: null }))).toContain("as the record gives it");
    expect(bookingName(flow({ booked: null }))).toContain("nothing of it enters the gap");
  });

  it("names events and dates", () => {
    expect(eventName("IPCI")).toBe("IPCI, interest capitalisation");
    expect(eventName("NEW")).toBe("NEW");
    expect(eventName(null)).toBe("as it stands");
    expect(dateName("DEMAND")).toBe("on demand");
    expect(dateName("2026-11-27")).toBe("27 Nov 2026");
  });
});

describe("buckets", () => {
  it("have a name, and a tick of two lines", () => {
    expect([label("D2_7"), tick("D2_7"), tick("Y5P"), label("OTHER")]).toEqual(["2–7 d", "2–7\ndays", "> 5\nyears", "OTHER"]);
  });
});
