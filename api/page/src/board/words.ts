/** The language of the board, the home view and operations, which is the page's. */

import { language, speak as speakCodes, wanted, word } from "../workbench/words";
import { EN, type Texts } from "./texts";

export { language, wanted, word };

export let T: Texts = EN;

export async function speak(wish: "en" | "zh"): Promise<void> {
  const [texts] = await Promise.all([wish === "zh" ? import("./texts-zh").then(({ ZH }) => ZH) : EN, speakCodes(wish)]);
  T = texts;
}
