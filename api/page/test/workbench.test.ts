import { describe, expect, it } from "vitest";

import { addressOf, placeOf } from "../src/workbench/address";
import type { AssetView, Place, StoredEvent } from "../src/workbench/api";
import { cameOf, partsOf, total } from "../src/workbench/claim";
import { balance } from "../src/workbench/groups";
import { changesOf, shownValue } from "../src/workbench/history";
import { Wrong, amountOf, valueOf } from "../src/workbench/inputs";
import { matches, outstanding } from "../src/workbench/list";
import { docsOf } from "../src/workbench/papers";
import { marksOf } from "../src/workbench/stages";
import { speak, word } from "../src/workbench/words";
import { roomOf } from "../src/rooms";

const event = (version: number, type: string, payload: StoredEvent["payload"], more: Partial<StoredEvent> = {}): StoredEvent => ({
  id: `e${version}`, position: version, recorded_at: "2026-11-22T01:00:00.000000Z", aggregate: "RiskAsset", key: "LN-1", version, type,
  valid_on: `2026-11-0${version}`, actor: "wang", role: "AM", reason: "", docs: [], payload, ...more,
});

describe("amounts as typed", () => {
  it("stay decimal text, however large", () => {
    expect(amountOf(" 1,234.50 ")).toBe("1234.50");
    expect(amountOf("90071992547409931.01")).toBe("90071992547409931.01");
    expect(amountOf("-5", true)).toBe("-5");
  });

  it.each(["", "-5", "1e3", "12,34", "1.2345", "¥5", "1 000", ".5", "0x1"])("refuses %j", (typed) => expect(amountOf(typed)).toBeNull());

  it("must add up", () => {
    expect(balance(["0.10", "0.20"], "0.30")).toEqual({ text: "The parts add up to the amount.", adds: true });
    expect(balance(["0.10"], "0.3").text).toBe("0.20 still to be spread");
    expect(balance(["7", ""], "5")).toEqual({ text: "2.00 more than the amount", adds: false });
    expect(balance(["7"], null).adds).toBe(true);
  });
});

describe("fields as typed", () => {
  it.each([
    ["integer", "42", 42],
    ["boolean", "false", false],
    ["rate", "0.0435", "0.0435"],
    ["day", "2026-11-22", "2026-11-22"],
    ["code", "BAD_DEBT", "BAD_DEBT"],
    ["ids", "A, B，C、D", ["A", "B", "C", "D"]],
    ["texts", "one, two\n three", ["one, two", "three"]],
    ["object", '{"a": 1}', { a: 1 }],
    ["objects", '[{"a": 1}]', [{ a: 1 }]],
    ["signed_money", "-1,000.5", "-1000.5"],
    ["text", "any text", "any text"],
  ] as const)("%s", (type, typed, value) => expect(valueOf(type, "f", typed)).toEqual(value));

  it.each([["integer", "1.5"], ["rate", "4%"], ["day", "22.11.2026"], ["code", "bad"], ["money", "-1"], ["object", "[]"], ["objects", "{}"], ["object", "{"]])("%s is not %j", (type, typed) =>
    expect(() => valueOf(type, "f", typed)).toThrow(Wrong),
  );
});

describe("the claim", () => {
  const place = (bucket: string, came: Place["came"], went: Place["went"], left: string): Place => ({ bucket, came, went, left });
  // 1,000 opening and 20 cost; 100 in cash before, 20 waived, 900 written off; of those 60 in cash, after 10 of the first were taken back.
  const view: AssetView = {
    position: 1, version: 1, ccy: "CNY", cases: [], deadlines: [],
    claim_places: [place("principal", { opening: "1000.00", advanced: "20.00" }, { cash: "100.00", waived: "20.00", written_off: "900.00" }, "0.00")],
    memo_places: [place("principal", { written_off: "900.00", restored: "10.00" }, { cash: "60.00" }, "850.00")],
  };

  it("has each yuan in one place", () => {
    expect(partsOf(view).map(({ group, name, amount }) => [group, name, amount])).toEqual([
      ["memo", "principal", "850.00"],
      ["gone", "cash", "150.00"],
      ["gone", "waived", "20.00"],
    ]);
    expect(total(partsOf(view).map(({ amount }) => amount))).toBe("1020.00");
    expect(total(cameOf(view).map(({ amount }) => amount))).toBe("1020.00");
  });

  it("is found by its words and shown with its memo", () => {
    const loan = { loan_no: "LN-1", customer_no: "C-9", classification: "LOSS", principal: "10.00", memo: { penalty: "0.50" }, tags: ["HARBOUR"] };
    expect(outstanding(loan)).toBe("10.50");
    expect(matches(loan, "harb c-9")).toBe(true);
    expect(matches(loan, "harb c-8")).toBe(false);
  });
});

describe("history", () => {
  it("tells what an event changed, record by record", () => {
    const changes = changesOf([
      event(1, "Drafted", { ground: "A", amount: "1.00" }),
      event(1, "Other", { amount: "5.00" }, { id: "o1", key: "LN-2" }),
      event(2, "Amended", { ground: "A", amount: "2.00" }),
    ]);
    expect(changes.get("e2")).toEqual([{ name: "amount", before: "1.00", after: "2.00" }]);
    expect(changes.get("o1")).toEqual([{ name: "amount", before: undefined, after: "5.00" }]);
  });

  it("shows values in words", () => {
    expect(shownValue({ principal: "1234.50", interest_on: "0.10" })).toBe("Principal 1,234.50, Interest on balance sheet 0.10");
    expect(shownValue(["A", "B"])).toBe("A; B");
    expect([shownValue("-"), shownValue({}), shownValue([]), shownValue(null)]).toEqual(["–", "–", "–", "–"]);
    expect(shownValue("CNY")).toBe("CNY");
  });

  it("names each document once", () => {
    expect(docsOf([event(1, "A", { letter_doc: "D-1", doc_id: "-" }), event(2, "B", { docs: ["D-2", "D-1"] }, { docs: ["D-3"] })])).toEqual(["D-3", "D-2", "D-1"]);
  });
});

describe("stages", () => {
  const opened = (kind: string, state: string, events: StoredEvent[] = []): Parameters<typeof marksOf>[0] => ({
    place: { kind, key: "K", loan: null }, state: { state }, allowed: { aggregate: kind, key: "K", version: 1, state, commands: [], others: [] },
    loan: null, view: null, around: [], events,
  });
  const told = (kind: string, state: string): string => marksOf(opened(kind, state)).map(({ name, is }) => `${name} ${is}`).join(", ");

  it("stand on their line or beside it", () => {
    expect(told("RecoveryFlow", "TAGGED")).toBe("Received past, Tagged now, Confirmed ahead");
    expect(told("Expense", "REJECTED")).toBe("Draft past, Submitted past, Rejected now, Approved ahead, Posted ahead");
    expect(told("Mandate", "RUNNING")).toBe("Running now");
  });

  it("lead a loan from classification to recovery", () => {
    const events = [event(1, "AssetAdmitted", { classification: "DOUBTFUL" }), event(2, "AssetReclassified", { to_class: "LOSS" }), event(3, "WriteOffRecoveryApplied", {})];
    const marks = marksOf(opened("RiskAsset", "", events));
    expect(marks.map(({ is }) => is)).toEqual(["past", "past", "past", "now", "ahead"]);
    expect(marks[0]).toMatchObject({ note: "Loss", day: "2026-11-02" });
  });
});

describe("addresses", () => {
  it("lead to a record and back", () => {
    const hash = addressOf("WriteOff", "WO/1 ü", "LN-1");
    expect(placeOf(hash)).toEqual({ kind: "WriteOff", key: "WO/1 ü", loan: "LN-1" });
    expect(placeOf(addressOf("RiskAsset", "LN-1"))).toEqual({ kind: "RiskAsset", key: "LN-1", loan: null });
    expect(placeOf("#/workbench")).toBeNull();
    expect(placeOf("#/workbench/WriteOff/%E0%A4%A")?.key).toBe("%E0%A4%A");
    expect([roomOf(hash), roomOf("#/workbenches"), roomOf("")]).toEqual(["workbench", "live", "live"]);
  });
});

describe("words", () => {
  it("are spelled out in English and named in Chinese", async () => {
    expect(["RequestPosting", "write_off_no", "WRITTEN_OFF", "interest_on"].map(word)).toEqual(["Request posting", "Write off number", "Written off", "Interest on balance sheet"]);
    await speak("zh");
    expect(["RequestPosting", "write_off_no", "WRITTEN_OFF", "WriteOffPostingRequested", "OWN_CODE"].map(word)).toEqual(["申请记账", "核销编号", "已核销", "核销记账已申请", "Own code"]);
    await speak("en");
  });
});
