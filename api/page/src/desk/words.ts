/** The language of the desk, which is the workbench's: chosen in either, kept for both. */

import { language, speak as speakCodes, wanted, word } from "../workbench/words";
import { EN, type Texts } from "./texts";

export { language, wanted, word };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh", kept = false): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakCodes(wish, kept)]);
  T = texts;
}

export const state = (code: string): string => T.states[code] ?? word(code);
