/**
 * What went wrong, in the reader's language, by the codes that the server sends: its titles and the guards of its rules.
 *
 * A detail of the server's is a sentence about this very case, in English. It is shown where no code says as much; in
 * another language by a list of such sentences, and in the server's own words, called so, where the list has none.
 */

import type { Language } from "./language";
import { Problem } from "./wire";

type Names = Readonly<Record<string, string>>;

export interface Problems {
  /** By the problem's `title`. */
  readonly titles: Names;
  /** By `facts.guard`. In English the rules of single commands have their text in `detail`. */
  readonly guards: Names;
  /** What a sentence of the server's says in this language. */
  readonly sentence: (english: string) => string;
  readonly retold: (english: string) => string;
  /** Between a title and what follows it. */
  readonly stop: string;
}

export const EN: Problems = {
  titles: {
    unreachable: "The server cannot be reached. Is Tidemark running? The page tries again by itself.",
    "invalid-input": "This cannot be taken as it is", "missing-field": "A field is missing", "not-found": "Not found", rejected: "A rule says no",
    forbidden: "You may not", conflict: "Somebody was first", unavailable: "Not available now", "corrupt-record": "A record is damaged", "damaged-attachment": "The attachment is damaged",
    "log-forked": "The log has forked", erased: "Erased", unauthenticated: "Not signed in", internal: "Something failed in the server", "webhook-not-verified": "The receiver is not verified",
    "address-refused": "This address is not allowed", "method-not-allowed": "This is not done here", "bad-request": "The request cannot be read", "content-too-large": "Too large",
    "request-entity-too-large": "Too large", "unsupported-media-type": "This format is not taken", "upgrade-required": "WebSocket is wanted", "too-many-requests": "Too many requests",
  },
  guards: {
    ROLE: "The role is not one that may do this.",
    FIELD: "A field is wrong, missing, or differs from what it derives from.",
    STATE: "This is not possible in the present stage.",
    ENTITY: "The record belongs to a legal entity that you may not act for.",
    OWNER: "This is another person's.",
    PROOF: "A fresh proof of who you are is wanted.",
    SD1: "The maker of a case never decides it; one person decides at most one level.",
    SD2: "The deciding level must cover the amount, in the loan's organisation or above it.",
    SD3: "Staff of the loan, or named in its liability determination, are recused.",
    SD4: "A committee voter who made or reviewed the item is recused.",
    SD5: "Posting maker, posting checker and case maker are three people.",
    SD6: "Who tags a flow does not confirm the tag.",
    SD7: "Who hands over does not receive; who keeps does not count.",
    SD8: "A change of rules or rights is made by one and approved by another.",
    SD9: "The compliance reviewer is neither maker nor approver.",
    SD10: "A reversal is approved by somebody else than the original.",
    SD11: "Operations and audit give no business commands.",
    SD12: "A related party may not buy, bid or be engaged.",
  },
  sentence: (english) => english,
  retold: (english) => english,
  stop: ". ",
};

let P: Problems = EN;

/** Beside the words of the header, whenever the language changes. */
export async function speak(wish: Language): Promise<void> {
  P = wish === "zh" ? (await import("./problems-zh")).ZH : EN;
}

/** What a guard stands for; `other`, the server's own words, where it has none here. */
export const meaning = (guard: string, other = ""): string => P.guards[guard] ?? other;

/** What was stored in English of a figure or an alert, in the reader's language where the list has it; else as it stands. */
export const retold = (english: string): string => P.retold(english);

/** A detail, a reason or a warning of the server's in the reader's language. */
export const sentence = (english: string): string => (english === "" ? "" : P.sentence(english));

/** What kind of problem. */
export const kind = (title: string): string => P.titles[title] ?? title;

/** Why, without the kind of problem: the sentence of a field, the text of a rule. */
export function why({ detail, facts }: Pick<Problem, "detail" | "facts">): string {
  const guard = typeof facts["guard"] === "string" ? facts["guard"] : "";
  const isWordy = P === EN || guard === "" || guard === "FIELD";
  return isWordy ? sentence(detail) : (P.guards[guard] ?? sentence(detail));
}

/** In one line: what kind of problem, and why. */
export function said(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  if (error.status === 0) return P.titles["unreachable"] ?? error.message;
  return [kind(error.message), why(error)].filter(Boolean).join(P.stop);
}
