/** The words that stand in index.html: English there, under a key; in another language by a table of these keys. */

import { setText } from "./dom";
import { tag } from "./language";

/** Where a key stands, and what it names. */
export const PLACES = { "data-t": null, "data-t-label": "aria-label", "data-t-title": "title", "data-t-content": "content" } as const;

const english = new Map<string, string>();

/** Puts `words` in their places; null puts the English back. A word without a translation stays as it is. */
export function translate(words: Readonly<Record<string, string>> | null): void {
  document.documentElement.lang = tag();
  for (const [place, attribute] of Object.entries(PLACES)) {
    for (const element of document.querySelectorAll(`[${place}]`)) {
      const key = element.getAttribute(place) ?? "";
      const present = attribute === null ? (element.textContent ?? "") : (element.getAttribute(attribute) ?? "");
      if (!english.has(key)) english.set(key, present); // the first time the page stands as it was written
      const text = words?.[key] ?? english.get(key) ?? present;
      if (attribute === null) setText(element, text);
      else if (text !== present) element.setAttribute(attribute, text);
    }
  }
}
