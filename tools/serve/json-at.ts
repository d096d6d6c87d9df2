/**
 * Finds a value of a request in the form that keeps how it was written.
 *
 * A request is checked as plain objects. What a prompt prints of it, the schemas of tools and the
 * arguments of calls, is taken from here instead, because the order of keys and the digits of numbers
 * are part of the prompt.
 * @module
 */
import type { Json, JsonObject } from "../../tokenizer/chat/index.ts";
import { fieldOf, isJsonObject } from "../../tokenizer/chat/json-value.ts";

/** The value at a path, or undefined where there is none. */
export function jsonAt(json: Json, ...path: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = json;
  for (const key of path) {
    if (typeof key === "number") value = Array.isArray(value) ? value[key] : undefined;
    else value = isJsonObject(value) ? fieldOf(value, key) : undefined;
  }
  return value;
}

/** The object at a path, or undefined where there is none. */
export function objectAt(
  json: Json,
  ...path: readonly (string | number)[]
): JsonObject | undefined {
  const value = jsonAt(json, ...path);
  return isJsonObject(value) ? value : undefined;
}
