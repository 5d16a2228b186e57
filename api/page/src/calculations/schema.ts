/** What a JSON Schema says of one shape, as lines to read and as an input to fill in. Checks nothing: the server does. */

import { type Json, type JsonObject, isObject } from "./api";

export interface Field {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

const DEPTH_MAX = 3;

/** The schema of one variant, by its title; the whole one if there is no choice. */
export function shapeOf(schema: JsonObject, variant: string): JsonObject {
  const choice = schema["oneOf"];
  const shapes = Array.isArray(choice) ? (choice as readonly Json[]).filter(isObject) : [];
  const chosen = shapes.find((shape) => shape["title"] === variant);
  return resolved(schema, chosen ?? schema);
}

export function fieldsOf(schema: JsonObject, variant: string): Field[] {
  return collect(schema, shapeOf(schema, variant), "", 0);
}

/** The keys that a shape needs, each with a value of its type that is to be replaced. */
export function skeleton(schema: JsonObject, variant: string): JsonObject {
  return filled(schema, shapeOf(schema, variant), 0) as JsonObject;
}

function collect(schema: JsonObject, shape: JsonObject, above: string, depth: number): Field[] {
  const properties = isObject(shape["properties"]) ? shape["properties"] : {};
  const required = requiredOf(shape);
  return Object.entries(properties).flatMap(([name, given]) => {
    const own = chosen(schema, given);
    const path = above === "" ? name : `${above}.${name}`;
    const described = isObject(given) && typeof given["description"] === "string" ? given["description"] : "";
    const found = [{ path, type: typeOf(schema, given), required: required.has(name), description: described }];
    if (depth >= DEPTH_MAX) return found;
    if (own["properties"]) return [...found, ...collect(schema, own, path, depth + 1)];
    const inner = chosen(schema, own["items"]);
    return inner["properties"] ? [...found, ...collect(schema, inner, `${path}[]`, depth + 1)] : found;
  });
}

const requiredOf = (shape: JsonObject): ReadonlySet<string> =>
  new Set(Array.isArray(shape["required"]) ? (shape["required"] as readonly Json[]).map(String) : []);

function resolved(schema: JsonObject, shape: JsonObject): JsonObject {
  const name = typeof shape["$ref"] === "string" ? shape["$ref"].split("/").at(-1) : undefined;
  const shared = isObject(schema["$defs"]) ? schema["$defs"] : {};
  const found = name === undefined ? undefined : shared[name];
  return isObject(found) ? found : shape;
}

/** Of several types the first that is not null. */
function chosen(schema: JsonObject, given: Json | undefined): JsonObject {
  if (!isObject(given)) return {};
  const several = given["anyOf"] ?? given["oneOf"];
  const first = Array.isArray(several) ? (several as readonly Json[]).filter(isObject).find((one) => one["type"] !== "null") : undefined;
  return resolved(schema, first ?? given);
}

function typeOf(schema: JsonObject, given: Json | undefined): string {
  const own = chosen(schema, given);
  if (Array.isArray(own["enum"])) return (own["enum"] as readonly Json[]).map(String).join(" | ");
  if (own["const"] !== undefined) return String(own["const"]);
  if (own["type"] === "array") return `list of ${typeOf(schema, own["items"])}`;
  if (typeof own["pattern"] === "string" && own["pattern"].includes("0-9")) return "decimal text";
  if (typeof own["format"] === "string") return own["format"];
  return own["type"] === "string" ? "text" : typeof own["type"] === "string" ? own["type"] : "any";
}

function filled(schema: JsonObject, shape: JsonObject, depth: number): Json {
  const own = chosen(schema, shape);
  if (Array.isArray(own["enum"])) return (own["enum"] as readonly Json[])[0] ?? "";
  if (own["const"] !== undefined) return own["const"];
  if (own["type"] === "array") return depth > DEPTH_MAX || !isObject(own["items"]) ? [] : [filled(schema, own["items"], depth + 1)];
  if (isObject(own["properties"])) {
    const properties = own["properties"];
    const names = Object.keys(properties).filter((name) => requiredOf(own).has(name));
    return Object.fromEntries(names.map((name) => [name, filled(schema, (properties[name] ?? {}) as JsonObject, depth + 1)]));
  }
  if (own["type"] === "object") return {};
  if (own["type"] === "integer") return 0;
  if (own["type"] === "boolean") return false;
  if (own["format"] === "date") return "2026-01-31";
  return typeof own["pattern"] === "string" ? "0" : "";
}
