/** The words of the header and the live room, in the language of the page. */

import { speak as speakMarks } from "./board/words";
import { become, language, onLanguage, wanted } from "./language";
import { speak as speakProblems } from "./problems";
import { translate } from "./static-words";
import { EN, type Texts } from "./texts";

export let T: Texts = EN;
const listeners: (() => void)[] = [];

/** `listener` runs when the words are others; what it wrote before is of the language before. */
export function onWords(listener: () => void): void {
  listeners.push(listener);
}

async function speak(): Promise<void> {
  const wish = language;
  const [zh] = await Promise.all([wish === "zh" ? import("./texts-zh") : null, speakMarks(wish), speakProblems(wish)]);
  if (wish !== language) return; // chosen again meanwhile
  T = zh?.ZH ?? EN;
  translate(zh?.STATIC ?? null);
  for (const listener of listeners) listener();
}

/** In the reader's language from here on, and again whenever another one is chosen. */
export async function beginToSpeak(): Promise<void> {
  become(wanted());
  onLanguage(() => void speak());
  await speak();
}
