/** A value as JSON to read: what fits on a line stands on one, save the whole. */

import { type Json, isObject } from "./api";

const WIDTH = 76;

export function pretty(value: Json, indent = 0): string {
  const one = line(value);
  if (typeof value !== "object" || value === null || one.length <= 2 || (indent > 0 && indent + one.length <= WIDTH)) return one;
  const pad = " ".repeat(indent + 2);
  if (!isObject(value) && (value as readonly Json[]).every((part) => typeof part !== "object")) return `[\n${wrapped(value as readonly Json[], pad)}\n${" ".repeat(indent)}]`;
  const [open, close] = isObject(value) ? "{}" : "[]";
  const inner = isObject(value)
    ? Object.entries(value).map(([name, part]) => `${pad}${JSON.stringify(name)}: ${pretty(part, indent + 2)}`)
    : (value as readonly Json[]).map((part) => pad + pretty(part, indent + 2));
  return `${open}\n${inner.join(",\n")}\n${" ".repeat(indent)}${close}`;
}

/** Single values, as many to a line as it holds. */
function wrapped(values: readonly Json[], pad: string): string {
  const lines: string[] = [];
  values.forEach((value, at) => {
    const word = line(value) + (at < values.length - 1 ? "," : "");
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(pad + word);
  });
  return lines.join("\n");
}

function line(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (!isObject(value)) return `[${(value as readonly Json[]).map(line).join(", ")}]`;
  return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${line(part)}`).join(", ")}}`;
}
