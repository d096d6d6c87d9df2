/**
 * Reading fields of a JSON value with a check; the error says where, what was expected, what came.
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import { fieldOf, isJsonObject, type Json, type JsonObject, kindOf, pathTo } from "./json-value.ts";

/** A value and where it stands. Only `value` may be anything; it comes from outside. */
export interface Place {
  readonly value: unknown;
  readonly path: string;
}

/** The field `key` of an object; `value` is undefined when there is none. */
export function field(object: JsonObject, path: string, key: string): Place {
  return { value: fieldOf(object, key), path: pathTo(path, key) };
}

/** @throws {TokenizerError} always */
export function wrong({ value, path }: Place, expected: string): never {
  throw new TokenizerError(path, expected, kindOf(value));
}

export function object(place: Place): JsonObject {
  return isJsonObject(place.value) ? place.value : wrong(place, "an object");
}

export function array(place: Place): readonly Json[] {
  return Array.isArray(place.value) ? place.value : wrong(place, "an array");
}

export function string(place: Place): string {
  return typeof place.value === "string" ? place.value : wrong(place, "a string");
}

/** A string that is not empty. */
export function name(place: Place): string {
  const text = string(place);
  if (text === "") throw new TokenizerError(place.path, "a name", "an empty string");
  return text;
}

/** A boolean; `null` and absence are told apart by the caller. */
export function boolean(place: Place): boolean {
  return typeof place.value === "boolean" ? place.value : wrong(place, "a boolean");
}

/** `read(place)`, or undefined when the value is absent or null. */
export function optional<T>(place: Place, read: (place: Place) => T): T | undefined {
  return place.value === undefined || place.value === null ? undefined : read(place);
}

/** Each item of an array with its place. */
export function items<T>(place: Place, read: (place: Place) => T): T[] {
  return array(place).map((value, i) => read({ value, path: pathTo(place.path, i) }));
}

/** The string at `place`, if it is one of `legal`. */
export function oneOf<const T extends string>(place: Place, legal: readonly T[]): T {
  const text = string(place);
  const found = legal.find((item) => item === text);
  if (found !== undefined) return found;
  const list = legal.map((item) => JSON.stringify(item)).join(", ");
  throw new TokenizerError(place.path, `one of ${list}`, JSON.stringify(text).slice(0, 60));
}
