/** Names of codes for reading, and the language of the workbench. A code without a name of its own is spelled out. */

import { type Language, become } from "../language";
import { EN, type Texts } from "./texts";

export { type Language, language, wanted } from "../language";

export let T: Texts = EN;

interface Dictionary {
  readonly names: Readonly<Record<string, string>>;
  /** Of the words that event names are made of. */
  readonly parts: Readonly<Record<string, string>>;
}
let dictionary: Dictionary | null = null;

/** Chinese is loaded when it is first asked for. */
export async function speak(wish: Language): Promise<void> {
  if (wish === "zh") {
    const [{ ZH }, words] = await Promise.all([import("./texts-zh"), import("./words-zh")]);
    [T, dictionary] = [ZH, { names: words.NAMES, parts: words.PARTS }];
  } else [T, dictionary] = [EN, null];
  become(wish);
}

/** Where spelling a code out would mislead. */
const NAMES: Readonly<Record<string, string>> = {
  interest_on: "Interest on balance sheet", interest_off: "Interest off balance sheet", penalty: "Penalty interest", compound: "Compound interest",
  asset_no: "Loan", asset_ids: "Loans", loan_nos: "Loans", wf_no: "Workflow number", fa_no: "Foreclosed asset", state: "Stage", entity_id: "Legal entity", customer_no: "Customer", on: "On",
};

const SHORT: Readonly<Record<string, string>> = { no: "number", ccy: "currency", fa: "foreclosed asset", est: "estimated", Fa: "foreclosed asset" };

/** "RequestPosting", "write_off_no" and "WRITTEN_OFF" as words: "Request posting", "Write off number", "Written off". */
export function word(code: string): string {
  const named = dictionary?.names[code] ?? (dictionary ? composed(code, dictionary.parts) : undefined);
  if (named !== undefined) return named;
  if (dictionary === null && NAMES[code] !== undefined) return NAMES[code];
  const text = spelled(code).map((part) => SHORT[part] ?? part.toLowerCase()).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const ROLES: Readonly<Record<string, string>> = {
  AM: "preservation manager", BR: "branch reviewer", HM: "head-office handler", HA: "head-office approver", RM: "risk management",
  CM: "credit management", LG: "legal", CS: "committee secretary", CV: "committee voter", CC: "committee chair", DP: "distribution post",
  FK: "keeper of foreclosed assets", FN: "finance maker", FC: "finance checker", IA: "internal audit", SA: "administrator", OP: "operations",
  SY: "the system", WF: "workflow system", CB: "core banking", EX: "external system", TR: "treasury", AC: "asset and liability committee",
};

/** "head-office approver (HA)". */
export function roleName(code: string): string {
  const named = dictionary?.names[code] ?? ROLES[code];
  return named === undefined ? code : `${named} (${code})`;
}

function spelled(code: string): string[] {
  const split = /^[A-Z][a-z]/.test(code) ? code.match(/[A-Z][a-z0-9]*/g) : code.split("_");
  return (split ?? [code]).filter(Boolean);
}

/** An event's name word by word, the longest known run first; undefined if a part is not known. */
function composed(code: string, parts: Readonly<Record<string, string>>): string | undefined {
  if (!/^[A-Z][a-z]/.test(code)) return undefined;
  const words = spelled(code);
  let [text, at] = ["", 0];
  while (at < words.length) {
    let end = words.length;
    while (end > at && parts[words.slice(at, end).join("")] === undefined) end -= 1;
    if (end === at) return undefined;
    text += parts[words.slice(at, end).join("")] ?? "";
    at = end;
  }
  return text;
}
