/** Every room's texts exist in both languages, and what is said in Chinese is Chinese. */

import { afterEach, describe, expect, it } from "vitest";

import page from "../index.html?raw";
import { tick } from "../src/buckets";
import { become } from "../src/language";
import { axisLabel } from "../src/money";
import { EN as EN_PROBLEMS, meaning, retold, said, sentence, speak as speakProblems, why } from "../src/problems";
import { ZH as ZH_PROBLEMS } from "../src/problems-zh";
import { STATIC, ZH } from "../src/texts-zh";
import { age, clock, longDay } from "../src/time";
import { Problem } from "../src/wire";

const TABLES = import.meta.glob<{ EN: object }>("../src/**/*texts.ts", { eager: true });
const CHINESE = import.meta.glob<{ ZH: object }>("../src/**/*texts-zh.ts", { eager: true });

/** "a.b.0" and what stands there, functions called with `x` for every argument. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null || value instanceof RegExp) return [[path, value]];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, path === "" ? key : `${path}.${key}`));
}

const HAN = /\p{Script=Han}/u;
/** What is the same in both languages: names, codes, and words of the other language for the switch. */
const NAMES = /^(?:[\p{P}\p{S}\p{N}\s]|UTC|JSON|CSV|PDF|xlsx|XLSX|LCR|NSFR|ACTUS|CEL|ID|Id|HTTP|URL|Tidemark|English|Kafka|SSE|WebSocket|Webhook|SMS|SMTP|CUBE|ROLLUP)*$/u;

/** What a reader types is the same in both. */
const CODE: ReadonlySet<string> = new Set(["claim >= 1000000"]);

const pairs = Object.entries(TABLES)
  .map(([path, { EN }]) => ({ room: path.replace("../src/", "").replace(/\/?texts\.ts$/, ""), en: EN, zh: CHINESE[path.replace("texts.ts", "texts-zh.ts")]?.ZH }))
  .filter(({ en }) => en !== undefined);

describe.each(pairs)("the texts of $room", ({ en, zh }) => {
  it("have the same keys in both languages", () => {
    // A table of names may have more in one of them: a code without a name there is spelled out.
    expect(Object.keys(zh ?? {}).sort()).toEqual(Object.keys(en).sort());
  });
  it("are Chinese in Chinese", () => {
    const latin = leaves(zh).filter(([, text]) => typeof text === "string" && !HAN.test(text) && !NAMES.test(text) && !CODE.has(text));
    expect(latin).toEqual([]);
  });
});

describe("the live room in Chinese", () => {
  afterEach(() => become("en"));

  it("names all that index.html names, and nothing else", () => {
    const keys = new Set([...page.matchAll(/data-t(?:-label|-title|-content)?="([^"]+)"/g)].map(([, key]) => key));
    expect(Object.keys(STATIC).sort()).toEqual([...keys].sort());
    expect(Object.values(STATIC).filter((text) => !HAN.test(text))).toEqual([]);
  });
  it("leaves no word of index.html without a key", () => {
    const body = page.replace(/[^]*<body/, "<body").replace(/<code[^]*?<\/code>/g, "").replace(/<select[^]*?<\/select>/g, "");
    const bare = [...body.matchAll(/<(\w+)((?:\s[^<>]*)?)>\s*([A-Za-z][^<]*)/g)].filter(([, , attributes]) => !attributes?.includes("data-t="));
    // Written by the page itself: where the skip link goes and which room this is.
    expect(bare.map(([, , , text]) => text?.trim())).toEqual(["Skip to positions", "Tidemark", "Live"]);
  });
  it("gives sentences made of figures in Chinese", () => {
    const spoken = Object.entries(ZH).filter(([, text]) => typeof text === "function" && text.length > 0);
    expect(spoken.length).toBeGreaterThan(30);
    expect(ZH.positionsAbout(4, ["2026年11月22日"])).toBe("4 行 · 营业日期 2026年11月22日");
    expect(ZH.negativeIn(["8–30天", "31–90天"])).toBe("累计缺口在8–30天、31–90天为负。");
  });
  it("writes days, ages and axes as they are written there", () => {
    expect([longDay("2026-11-02"), age(12_000), age(600_000), axisLabel(1_500_000), clock("2026-11-02T03:04:05Z", "")]).toEqual(["2 Nov 2026", "12 s", "10 min", "1.5m", "2 Nov 03:04:05"]);
    become("zh");
    expect([longDay("2026-11-02"), age(12_000), age(600_000), axisLabel(1_500_000), axisLabel(-230_000_000), clock("2026-11-02T03:04:05Z", "")]).toEqual(["2026年11月2日", "12 秒", "10 分钟", "150万", "−2.3亿", "11-02 03:04:05"]);
    expect(tick("D8_30")).toBe("8–30\ndays"); // buckets follow the words, which are loaded apart
    expect(["D8_30", "Y5P", "UNDATED"].map((bucket) => (ZH.buckets as Record<string, string>)[bucket]?.replace(ZH.bucketUnit, "\n$1"))).toEqual(["8–30\n天", "5年\n以上", "未定\n期限"]);
  });
});

describe("what the server refuses with", () => {
  afterEach(() => speakProblems("en"));

  it("has the same titles and shared guards in both languages, and Chinese in Chinese", () => {
    expect(Object.keys(ZH_PROBLEMS.titles).sort()).toEqual(Object.keys(EN_PROBLEMS.titles).sort());
    expect(Object.keys(EN_PROBLEMS.guards).filter((guard) => ZH_PROBLEMS.guards[guard] === undefined)).toEqual([]);
    const all = [...Object.values(ZH_PROBLEMS.titles), ...Object.values(ZH_PROBLEMS.guards)];
    expect(all.length).toBeGreaterThan(480);
    expect(all.filter((text) => !HAN.test(text))).toEqual([]);
  });
  it("is told by its codes in the reader's language, and by the server's own words where no code says it", async () => {
    const rule = new Problem(403, "forbidden", "the maker of a case never decides it", { guard: "SD1" });
    const field = new Problem(422, "invalid-input", "amount: want a decimal string", { guard: "FIELD", field: "amount" });
    expect(said(rule)).toBe("You may not. the maker of a case never decides it");
    await speakProblems("zh");
    expect(said(rule)).toBe("无权办理：经办人不得审批本人经办的案件；一人最多审批一级。");
    expect(said(field)).toBe("输入有误：amount：须为十进制数字文本");
    expect(said(new Problem(0, "x", ""))).toContain("无法连接服务器");
    expect(said(new Problem(502, "HTTP 502", ""))).toBe("HTTP 502");
    expect(meaning("WithdrawalReservation.Execute.2", "other")).toBe("该笔分录尚未计入。");
    expect(meaning("Unknown.Rule.1", "other")).toBe("other");
  });
  it("is said in Chinese with its names and figures where they belong", async () => {
    await speakProblems("zh");
    const heard = (detail: string): string => why(new Problem(422, "invalid-input", detail));
    expect(heard("splits[1].alloc: holds something that is no claim bucket")).toBe("splits[1].alloc：含有不属于债权项目的内容");
    expect(heard("Approve is not possible while WITHDRAWN, only while SUBMITTED")).toBe("WITHDRAWN 状态下不能办理 Approve，仅在 SUBMITTED 状态下可以");
    expect(heard("1:10: undeclared reference to 'amont' (in container '')")).toBe("1:10：没有名称“amont”");
    expect(heard("limit: Input should be less than or equal to 200")).toBe("limit：不得大于 200");
    expect(heard("name: String should have at most 64 characters")).toBe("name：最多 64 个字符");
    expect(heard("cannot be evaluated: no such topic")).toBe("无法计算：没有此主题");
    expect(heard("want rows (1) or [all]+")).toBe("须为 rows (1) 或 [all]+");
    expect(sentence("the view is still reading its topics, 1204 records to go")).toBe("正在读取各主题，还有 1204 条记录");
    expect(sentence("")).toBe("");
    expect(retold("2 outflows add up to 58,376,959.26 CNY within 60 minutes, reaching the limit of 50,000,000.00.")).toBe("60 分钟内 2 笔流出合计 58,376,959.26 CNY，达到限额 50,000,000.00。");
    expect(retold("The liquidity coverage ratio of the group is 98.02%, below the limit of 100.00% (lcr-regulatory).")).toBe("集团的流动性覆盖率为 98.02%，低于限额 100.00%（lcr-regulatory）。");
    expect(retold("Low cash: The position of BANK")).toBe("Low cash: The position of BANK");
    expect(heard("a sentence of next year")).toBe("服务器原文：a sentence of next year");
  });
});
