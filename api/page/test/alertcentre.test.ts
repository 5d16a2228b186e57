import { describe, expect, it } from "vitest";

import type { Delivery, One, Row, Told } from "../src/alertcentre/api";
import { completions, wordBefore } from "../src/alertcentre/completion";
import { perPart } from "../src/alertcentre/fired";
import { byIncident } from "../src/alertcentre/list";
import { steps } from "../src/alertcentre/one";
import { placeIn } from "../src/alertcentre/pieces";
import { filterOf } from "../src/alertcentre/subscription-form";
import { EN } from "../src/alertcentre/texts";
import { ZH } from "../src/alertcentre/texts-zh";
import { roomOf } from "../src/rooms";

const told = (alert_id: string, incident?: string): Told =>
  ({ alert_id, event_time: "2026-11-22T12:00:00Z", reason: "too little", ...(incident && { rule_facts: { incident } }) }) as unknown as Told;
const row = (alert_id: string, incident?: string): Row => ({ alert: told(alert_id, incident), life: { state: "RAISED" } }) as Row;

describe("the list", () => {
  it("keeps alerts of one incident together, in the place of the newest", () => {
    const rows = [row("d"), row("c", "a"), row("b"), row("a", "a")];
    expect(byIncident(rows).map(({ row: { alert }, others, lead }) => [alert.alert_id, others, lead])).toEqual([["d", 0, "d"], ["c", 1, "c"], ["a", 0, "c"], ["b", 0, "b"]]);
  });

  it("is a room of its own, and its links lead into it", () => {
    expect(roomOf("#/alerts/0f1c")).toBe("alerts");
  });
});

describe("the life of an alert", () => {
  it("has acts and deliveries in the order in which they happened", () => {
    const event = { type: "AlertAcknowledged", recorded_at: "2026-11-22T12:05:00Z", actor: "U-1", role: "TR", payload: { comment: "looking" } };
    const sent = { channel: "email", target: "d***@bank", state: "delivered", ended_at: "2026-11-22T12:01:00Z", subscription: "SUB-1", purpose: "alert", error: "" };
    const found = steps({ ...row("a"), history: [event] } as unknown as One, [sent as Delivery]);
    expect(found.map(({ what, who, note }) => [what, who, note])).toEqual([["Raised", "", "too little"], ["Delivered by E-mail to d***@bank", "", "SUB-1 · alert"], ["Acknowledged", "U-1", "looking"]]);
  });
});

describe("expressions", () => {
  it("are marked where the server says they are wrong", () => {
    expect(placeIn("amount < luck", "1:10: undeclared reference to 'luck'")).toBe(9);
    expect(placeIn("a &&\nb", "at 2:1: unknown")).toBe(5);
    expect(placeIn("a", "9:1: beyond")).toBeNull();
    expect(placeIn("a", "is empty")).toBeNull();
  });

  it("are completed from the vocabulary", () => {
    const words = ["amount", "amount_change_5m", "has_amount", "ratio"].map((name) => ({ name, about: "" }));
    expect(wordBefore("ratio < amo", 11)).toBe("amo");
    expect(wordBefore("ratio <", 7)).toBe("");
    expect(completions(words, "amo").map(({ name }) => name)).toEqual(["amount", "amount_change_5m", "has_amount"]);
    expect(completions(words, "amount").map(({ name }) => name)).not.toContain("amount");
    expect(completions(words, "")).toEqual([]);
  });

  it("are made of words", () => {
    expect(filterOf("", "")).toBe("true");
    expect(filterOf('a"b', "5000")).toBe('rule == "a\\"b" && amount >= money("5000.00")');
    expect(filterOf("", "0.5")).toBe('amount >= money("0.5")');
  });
});

describe("a preview over time", () => {
  it("puts each incident into its part of the span", () => {
    const at = (minute: number): string => `2026-11-22T12:${String(minute).padStart(2, "0")}:00Z`;
    expect(perPart([at(0), at(5), at(10)], at(0), at(10), 2)).toEqual([1, 2]);
    expect(perPart([at(3)], at(3), at(3), 2)).toEqual([1, 0]);
  });
});

describe("texts", () => {
  it("are the same in both languages", () => {
    const shape = (value: unknown): unknown => (typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)])) : Array.isArray(value) ? value.length : typeof value);
    expect(shape(ZH)).toEqual(shape(EN));
  });
});
