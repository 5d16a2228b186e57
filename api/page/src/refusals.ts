/** Sentences of the server's in Chinese: a list of them with places for names and figures, which are kept as they are. */

import SENTENCES from "./refusals-zh.txt?raw";

interface Sentence {
  readonly english: RegExp;
  readonly chinese: string;
  /** How many letters it says by itself: of two that fit, the one that says more. */
  readonly weight: number;
}

/** "amount: ", "splits[1].alloc: ", or the place in an expression "1:10: ". */
const PLACE = /^(\d+:\d+|[\w.[\]-]+): (.+)$/s;

function read(line: string): Sentence {
  const [english = "", chinese = ""] = line.split(" ⇒ ");
  const literal = english.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { english: new RegExp(`^${literal.join("(.*?)")}$`, "s"), chinese, weight: english.replaceAll("{}", "").length };
}

let sentences: readonly Sentence[] | null = null;

const all = (): readonly Sentence[] => (sentences ??= SENTENCES.split("\n").filter((line) => line.includes(" ⇒ ")).map(read).sort((one, other) => other.weight - one.weight));

/** What the English sentence says, in Chinese; null where the list does not have it. */
export function inChinese(text: string): string | null {
  const placed = PLACE.exec(text);
  const rest = placed && inChinese(placed[2] ?? "");
  if (placed && rest !== null) return `${placed[1]}：${rest}`;
  for (const { english, chinese } of all()) {
    const found = english.exec(text);
    if (!found) continue;
    const held = found.slice(1).map((part) => (part.includes(" ") ? (inChinese(part) ?? part) : part));
    let next = 0;
    return chinese.replace(/\{(\d*)\}/g, (_, which: string) => held[which === "" ? next++ : Number(which) - 1] ?? "");
  }
  return null;
}
