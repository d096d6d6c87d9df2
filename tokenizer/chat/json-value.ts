/**
 * JSON values that keep how they were written, because the order of keys and the digits of numbers
 * are part of a prompt.
 *
 * `JSON.parse` loses both: it moves keys like `"10"` to the front of an object and rounds integers
 * above 2^53. So `parseJson` makes maps and {@link JsonNumber}s instead. Values that were never
 * text may be plain objects and numbers; every function here takes either.
 *
 * Next: json-parse.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";

/** A number and the text that it was written as. */
export class JsonNumber {
  /** The number as it was written, e.g. `2.0` or `12345678901234567890`. */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** Returns the nearest double. */
  valueOf(): number {
    return Number(this.source);
  }

  /** Makes `JSON.stringify` print the nearest double. */
  toJSON(): number {
    return this.valueOf();
  }
}

/** Any JSON value. A property that is `undefined` counts as absent. */
export type Json =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonNumber
  | readonly Json[]
  | JsonObject;

/** A JSON object. Only a map keeps the place of keys that look like integers. */
export type JsonObject = ReadonlyMap<string, Json> | PlainObject;

/** A JSON object as JavaScript has it. */
export interface PlainObject {
  /** The values by their keys. */
  readonly [key: string]: Json | undefined;
}

/** Whether `value` is a JSON object, as a map or a plain object. */
export function isJsonObject(value: unknown): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** Returns the keys and values of an object in order. */
export function entriesOf(object: JsonObject): readonly (readonly [string, Json])[] {
  const entries = object instanceof Map ? [...object] : Object.entries(object);
  return entries.filter(([, value]) => value !== undefined);
}

/** Returns the value of `key`, or undefined when there is none. */
export function fieldOf(object: JsonObject, key: string): Json | undefined {
  if (object instanceof Map) return object.get(key);
  return Object.hasOwn(object, key) ? (object as PlainObject)[key] : undefined;
}

/**
 * Converts a value to plain objects and numbers, as `JSON.parse` would have made them.
 *
 * This loses what JavaScript cannot hold: digits past 2^53, and the order of keys like `"10"`.
 */
export function toPlain(value: Json): unknown {
  if (value instanceof JsonNumber) return value.valueOf();
  if (Array.isArray(value)) return value.map(toPlain);
  if (!isJsonObject(value)) return value;
  const plain: Record<string, unknown> = {};
  for (const [key, item] of entriesOf(value)) {
    // Not `plain[key] =`, which for the key `__proto__` would set no property.
    const slot = { value: toPlain(item), enumerable: true, writable: true, configurable: true };
    Object.defineProperty(plain, key, slot);
  }
  return plain;
}

/** Says what `value` is, for the end of a message: `a string`, `an array`, `nothing`. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof JsonNumber || typeof value === "bigint") return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Returns the path `parent.key` or `parent[3]`, or the key alone at the root. */
export function pathTo(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** Levels of objects and lists that are checked. */
const MAX_DEPTH = 500;

/**
 * Checks that a value can be printed as JSON: that it holds no function, no `NaN` and no circle.
 *
 * @throws {TokenizerError} with the path of the offending item
 */
export function checkJson(value: unknown, path: string, depth = 0): asserts value is Json {
  if (depth > MAX_DEPTH) throw new TokenizerError(path, `at most ${MAX_DEPTH} levels`, "more");
  if (value === null || value instanceof JsonNumber) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkJson(item, pathTo(path, i), depth + 1);
  } else if (isJsonObject(value)) {
    for (const [key, item] of entriesOf(value)) checkJson(item, pathTo(path, key), depth + 1);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TokenizerError(path, "a finite number", String(value));
  } else if (!["string", "boolean", "bigint"].includes(typeof value)) {
    throw new TokenizerError(path, "a JSON value", kindOf(value));
  }
}
