/** A result as a file. */

import type { Sheet } from "./api";

/** RFC 4180; the sheets one below the other, each under its title. */
export function csv(sheets: readonly Sheet[]): string {
  const blocks = sheets.map((sheet) => {
    const rows = sheet.rows.map((row) => sheet.columns.map((column) => row[column] ?? ""));
    return [[sheet.title], [...sheet.columns], ...rows].map((cells) => cells.map(cell).join(",")).join("\r\n");
  });
  return `${blocks.join("\r\n\r\n")}\r\n`;
}

/** A spreadsheet takes text that begins with one of these as a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^-?[0-9]+(\.[0-9]+)?$/;

function cell(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function save(name: string, type: string, content: BlobPart): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000); // after the browser has begun to read it
}
