/** The language of the reports room, which is the page's. */

import { language, speak as speakCodes, wanted } from "../workbench/words";
import { EN, type Texts } from "./texts";

export { language, wanted };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh"): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakCodes(wish)]);
  T = texts;
}

export const titleOf = (one: { readonly title: string; readonly title_zh: string }): string => (language === "zh" ? one.title_zh : one.title);
