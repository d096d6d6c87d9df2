/**
 * Decides whether a value fits a JSON schema, so that of two readings of a text the one that fits
 * can be taken. It is no full validator: words that it does not know allow everything.
 * @module
 */
import { resolve, type Walk } from "./json-pointer.ts";
import {
  entriesOf,
  fieldOf,
  isJsonObject,
  type Json,
  JsonNumber,
  type JsonObject,
} from "./json-value.ts";
import { pythonJson } from "./python-json.ts";

/** Whether `schema` allows `value`. References start from `root`. */
export function accepts(schema: Json | undefined, value: Json, root: Json, walk: Walk): boolean {
  if (schema === false) return false;
  if (!isJsonObject(schema) || !walk.step()) return true;
  const get = (word: string) => fieldOf(schema, word);
  const fits = (inner: Json | undefined) => accepts(inner, value, root, walk);
  const [ref, options, constant, not] = [get("$ref"), get("enum"), get("const"), get("not")];
  if (!hasType(schema, value)) return false;
  if (typeof ref === "string" && !fits(resolve(ref, root))) return false;
  if (Array.isArray(options) && !options.some((option) => isSame(option, value))) return false;
  if (constant !== undefined && !isSame(constant, value)) return false;
  if (isJsonObject(not) && fits(not)) return false;
  const all = get("allOf");
  if (Array.isArray(all) && !all.every(fits)) return false;
  for (const word of ["anyOf", "oneOf"]) {
    const some = get(word);
    if (Array.isArray(some) && !some.some(fits)) return false;
  }
  return (
    isWithinLimits(schema, value) &&
    partsOf(schema, value).every(([inner, part]) => accepts(inner, part, root, walk))
  );
}

function hasType(schema: JsonObject, value: Json): boolean {
  const type = fieldOf(schema, "type");
  if (value === null && fieldOf(schema, "nullable") === true) return true;
  if (typeof type !== "string" && !Array.isArray(type)) return true;
  return (Array.isArray(type) ? type : [type]).some((name) => isOfType(value, name));
}

function isOfType(value: Json, type: Json): boolean {
  const number = numberOf(value);
  if (type === "integer") return number !== undefined && Number.isInteger(number);
  if (type === "number") return number !== undefined;
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isJsonObject(value);
  return typeof value === type;
}

function numberOf(value: Json | undefined): number | undefined {
  if (value instanceof JsonNumber) return value.valueOf();
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

/** Whether two values are equal. Numbers are compared as numbers: 8 is 8.0. */
function isSame(a: Json, b: Json): boolean {
  const number = numberOf(a);
  return number === undefined ? pythonJson(a) === pythonJson(b) : number === numberOf(b);
}

function isWithinLimits(schema: JsonObject, value: Json): boolean {
  const limit = (word: string) => numberOf(fieldOf(schema, word));
  const isInside = (size: number, least: string, most: string) =>
    size >= (limit(least) ?? -Infinity) && size <= (limit(most) ?? Infinity);
  const number = numberOf(value);
  if (number !== undefined) {
    const above = limit("exclusiveMinimum") ?? -Infinity;
    const below = limit("exclusiveMaximum") ?? Infinity;
    return isInside(number, "minimum", "maximum") && number > above && number < below;
  }
  if (typeof value === "string") return isInside([...value].length, "minLength", "maxLength");
  if (Array.isArray(value)) return isInside(value.length, "minItems", "maxItems");
  const required = fieldOf(schema, "required");
  if (!isJsonObject(value) || !Array.isArray(required)) return true;
  return required.every((key) => typeof key !== "string" || fieldOf(value, key) !== undefined);
}

/** The parts of a list or object, each with its schema. */
function partsOf(schema: JsonObject, value: Json): (readonly [Json | undefined, Json])[] {
  if (Array.isArray(value)) {
    const items = fieldOf(schema, "items");
    return value.map((item: Json) => [items, item] as const);
  }
  const properties = fieldOf(schema, "properties");
  if (!isJsonObject(value) || !isJsonObject(properties)) return [];
  return entriesOf(value).map(([key, item]) => [fieldOf(properties, key), item] as const);
}
