/** A table of figures, as every room shows one. */

import { h } from "./dom";

export interface Cell {
  readonly content: Node | string;
  readonly isNumber?: boolean;
  readonly name?: string;
}

export const number = (content: string): Cell => ({ content, isNumber: true });
export const plain = (content: Node | string, name = ""): Cell => ({ content, name });

/** A table whose first column names the row. What is a number stands at the right, and so does its heading. */
export function table(caption: string, heads: readonly string[], rows: readonly (readonly Cell[])[]): HTMLElement {
  const numeric = heads.map((_, at) => rows.some((row) => row[at]?.isNumber));
  const head = h("tr", {}, ...heads.map((name, at) => h("th", { scope: "col", class: numeric[at] ? "number" : "" }, name)));
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      ...row.map(({ content, isNumber, name }, at) => {
        const names = [isNumber ? "number" : "", name ?? ""].join(" ").trim();
        return at === 0 ? h("th", { scope: "row", class: names }, content) : h("td", { class: names }, content);
      }),
    ),
  );
  const box = h("table", { class: "figures" }, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, head), h("tbody", {}, ...body));
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": caption }, box);
}
