/** The language of the page: one for every room, kept for the reader by the browser. The words are each room's own. */

export type Language = "en" | "zh";
const KEPT_AS = "tidemark.language";

export let language: Language = "en";
const listeners: (() => void)[] = [];

/** What the reader chose before, else what the browser asks for. */
export function wanted(): Language {
  const chosen = localStorage.getItem(KEPT_AS);
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** As `lang` attributes have it. */
export const tag = (one: Language = language): string => (one === "zh" ? "zh-Hans" : "en");

/** For this visit; nobody is told. */
export function become(wish: Language): void {
  language = wish;
}

/** The reader's choice: kept, and every room that is open is told, each of which loads its words by itself. */
export function choose(wish: Language): void {
  localStorage.setItem(KEPT_AS, wish);
  become(wish);
  for (const listener of listeners) listener();
}

/** `listener` runs when the reader has chosen. */
export function onLanguage(listener: () => void): void {
  listeners.push(listener);
}
