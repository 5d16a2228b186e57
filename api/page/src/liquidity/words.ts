/** The language of the liquidity room, which is the page's. */

import { speak as speakMarks } from "../board/words";
import { dayMonth } from "../time";
import { language, wanted, word } from "../workbench/words";
import type { RatioRow } from "./api";
import { EN, type Texts } from "./texts";

export { language, wanted, word };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh"): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakMarks(wish)]);
  T = texts;
}

/** A label of two lines as one. */
export const oneLine = (label: string): string => label.replace("\n", language === "zh" ? "" : " ");

/** "22 Nov"; in Chinese the date as it is written there. */
export const shortDay = (iso: string | null): string => (iso === null || iso === "" ? "–" : language === "zh" ? iso : dayMonth(iso));

/** "Group", "BANK", "BANK USD", "BANK NORTH USD". */
export function scopeName(row: Pick<RatioRow, "scope" | "entity" | "currency" | "member">): string {
  if (row.scope === "group") return T.group;
  return [row.entity, row.member, row.scope === "currency" ? row.currency : null].filter(Boolean).join(" ");
}
