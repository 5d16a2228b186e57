/** The language of the alert centre, which is the page's. */

import { language, speak as speakCodes, wanted, word } from "../workbench/words";
import { EN, type Texts } from "./texts";

export { language, wanted, word };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh"): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakCodes(wish)]);
  T = texts;
}

export const named = (names: Readonly<Record<string, string>>, code: string): string => names[code] ?? word(code);

/** Instants of alerts: people on the telephone read the same time, so all of them are UTC. */
export function when(instant: string | null | undefined): string {
  if (instant === null || instant === undefined || instant === "") return "–";
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)}`;
}

export const textOf = (one: { readonly text: string; readonly text_zh: string }): string => (language === "zh" && one.text_zh !== "" ? one.text_zh : one.text);
