/** The sheets of a result as tables: what is a number stands at the right, with its digits in threes. */

import { h } from "../dom";
import { grouped } from "../money";
import { type Sheet, decimal } from "./api";

const LONG = 40;

export function tables(sheets: readonly Sheet[]): HTMLElement[] {
  return sheets.map((sheet, index) => {
    const numeric = new Set(sheet.columns.filter((column) => isNumeric(sheet, column)));
    const amounts = new Set(sheet.amounts);
    const head = sheet.columns.map((column) => h("th", { scope: "col", class: numeric.has(column) ? "number" : "" }, column.replaceAll("_", " ")));
    const body = sheet.rows.map((row) =>
      h(
        "tr",
        {},
        ...sheet.columns.map((column, at) => {
          const value = row[column] ?? null;
          const shown = value === null ? "–" : numeric.has(column) && isGrouped(value, amounts.has(column)) ? grouped(value) : value;
          const names = [numeric.has(column) ? "number" : "", value !== null && value.length > LONG ? "long" : ""].join(" ").trim();
          return at === 0 ? h("th", { scope: "row", class: names }, shown) : h("td", { class: names }, shown);
        }),
      ),
    );
    const id = `sheet-${index}`;
    const table = h("table", { class: "figures", "aria-labelledby": id }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body));
    return h(
      "section",
      { class: "sheet" },
      h("h4", { id }, sheet.title),
      h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-labelledby": id }, table),
    );
  });
}

function isNumeric(sheet: Sheet, column: string): boolean {
  const values = sheet.rows.map((row) => row[column]).filter((value) => value != null);
  return values.length > 0 && values.every((value) => decimal(value) !== null);
}

/** Not every row of digits is an amount: years and days keep theirs together. */
const isGrouped = (value: string, isAmount: boolean): boolean => isAmount || value.includes(".") || value.startsWith("-") || value.length > 4;
