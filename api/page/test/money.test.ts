import { describe, expect, it } from "vitest";

import { MINUS, add, axisLabel, compareText, format, grouped, negate, parse, rescale, shown, timesOver } from "../src/money";

describe("parse and format", () => {
  it.each(["0", "-0.05", "123.45", "9999999999999999.99", "-123456789012345678901234567890.1234", "7.000"])(
    "keeps %s to the digit",
    (text) => expect(format(parse(text))).toBe(text),
  );

  it.each(["", "-", "1e3", "1,000.00", "NaN", " 1", "1.", ".5", "+1", "١"])("refuses %j", (text) => {
    expect(() => parse(text)).toThrow(RangeError);
  });
});

describe("arithmetic", () => {
  it("is exact where a Number is not", () => {
    const sum = add(parse("90071992547409.93"), parse("0.01"));
    expect(format(sum)).toBe("90071992547409.94");
    expect(format(add(parse("0.1"), parse("0.2")))).toBe("0.3");
  });

  it("takes the longer scale and never drops a digit", () => {
    expect(format(add(parse("1"), parse("0.005")))).toBe("1.005");
    expect(rescale(parse("1.234"), 2)).toEqual(parse("1.234"));
  });

  it("negates and compares across scales", () => {
    expect(format(add(parse("5.00"), negate(parse("5"))))).toBe("0.00");
    expect(compareText("10", "9.99")).toBe(1);
    expect(compareText("-1.5", "-1.50")).toBe(0);
    expect(compareText("9007199254740992", "9007199254740993")).toBe(-1);
  });

  it("counts whole times, also for outflows written as negative", () => {
    expect(timesOver(parse("-59.99"), parse("30"))).toBe(1n);
    expect(timesOver(parse("60"), parse("30.00"))).toBe(2n);
    expect(timesOver(parse("60"), parse("0"))).toBe(0n);
  });
});

describe("display", () => {
  it("groups in threes and writes a true minus", () => {
    expect(grouped("-1234567.80")).toBe(`${MINUS}1,234,567.80`);
    expect(grouped("999")).toBe("999");
    expect(grouped("-0.05")).toBe(`${MINUS}0.05`);
    expect(grouped("12345678901234567890.123")).toBe("12,345,678,901,234,567,890.123");
  });

  it("has no fraction for a currency without minor unit", () => {
    expect(shown("1000")).toEqual({ sign: "", whole: "1,000", fraction: "" });
  });

  it("labels axes shortly", () => {
    expect([0, 950, 1500, -2_500_000, 3e9, 4e12].map(axisLabel)).toEqual(["0", "950", "1.5k", `${MINUS}2.5m`, "3bn", "4tn"]);
  });
});
