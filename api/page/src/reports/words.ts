/** The language of the reports room, which is the workbench's: chosen in any room, kept for all. */

import { language, speak as speakCodes, wanted } from "../workbench/words";
import { EN, type Texts } from "./texts";

export { language, wanted };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh", kept = false): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakCodes(wish, kept)]);
  T = texts;
}

export const titleOf = (one: { readonly title: string; readonly title_zh: string }): string => (language === "zh" ? one.title_zh : one.title);
