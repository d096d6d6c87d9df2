/**
 * Reads calls that are written as JSON, `[{"name": "f", "arguments": {…}}]`. A model that is forced
 * to call a tool may write them so, instead of with tags.
 * @module
 */
import { parseJson } from "./json-parse.ts";
import { entriesOf, fieldOf, isJsonObject, type Json } from "./json-value.ts";

/** A call that was written as JSON. */
export interface JsonCall {
  readonly name: string;
  readonly arguments: readonly (readonly [string, Json])[];
}

/** Whether `text` can still become calls in JSON. */
export function mayBeJsonCalls(text: string): boolean {
  return /^\s*([[{]|$)/.test(text);
}

/** Returns the calls in `text`, or undefined when it is something else. */
export function parseJsonCalls(text: string): JsonCall[] | undefined {
  let value: Json;
  try {
    value = parseJson(text.trim());
  } catch {
    return undefined;
  }
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  const calls = list.map(callOf);
  if (calls.length === 0 || calls.includes(undefined)) return undefined;
  return calls as JsonCall[];
}

function callOf(value: Json): JsonCall | undefined {
  if (!isJsonObject(value)) return undefined;
  const inner = fieldOf(value, "function");
  const object = isJsonObject(inner) ? inner : value;
  const name = fieldOf(object, "name");
  const args = fieldOf(object, "arguments") ?? fieldOf(object, "parameters") ?? new Map();
  if (typeof name !== "string" || !isJsonObject(args)) return undefined;
  return { name, arguments: entriesOf(args) };
}
