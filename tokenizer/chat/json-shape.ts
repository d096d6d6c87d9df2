/**
 * Reads fields of a JSON value with a check. The error says where, what was expected and what is
 * there.
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import {
  entriesOf,
  fieldOf,
  isJsonObject,
  type Json,
  type JsonObject,
  kindOf,
  pathTo,
} from "./json-value.ts";

/** A value from outside, which may be anything, and its path. */
export interface Place {
  readonly value: unknown;
  readonly path: string;
}

/** Returns the field `key` of an object. Its value is undefined when there is none. */
export function field(object: JsonObject, path: string, key: string): Place {
  return { value: fieldOf(object, key), path: pathTo(path, key) };
}

/**
 * Throws the error about a value.
 *
 * @throws {TokenizerError} always
 */
export function wrong({ value, path }: Place, expected: string): never {
  throw new TokenizerError(path, expected, kindOf(value));
}

/** Returns the object at `place`. */
export function object(place: Place): JsonObject {
  return isJsonObject(place.value) ? place.value : wrong(place, "an object");
}

/** Returns the array at `place`. */
export function array(place: Place): readonly Json[] {
  return Array.isArray(place.value) ? place.value : wrong(place, "an array");
}

/** Returns the string at `place`. */
export function string(place: Place): string {
  return typeof place.value === "string" ? place.value : wrong(place, "a string");
}

/** Returns the string at `place`, which must not be empty. */
export function name(place: Place): string {
  const text = string(place);
  if (text === "") throw new TokenizerError(place.path, "a name", "an empty string");
  return text;
}

/** Returns the boolean at `place`. */
export function boolean(place: Place): boolean {
  return typeof place.value === "boolean" ? place.value : wrong(place, "a boolean");
}

/** Returns `read(place)`, or undefined when the value is absent or null. */
export function optional<T>(place: Place, read: (place: Place) => T): T | undefined {
  return place.value === undefined || place.value === null ? undefined : read(place);
}

/** Reads each item of the array at `place`. */
export function items<T>(place: Place, read: (place: Place) => T): T[] {
  return array(place).map((value, i) => read({ value, path: pathTo(place.path, i) }));
}

/** Returns the string at `place`, which must be one of `legal`. */
export function oneOf<const T extends string>(place: Place, legal: readonly T[]): T {
  const text = string(place);
  const found = legal.find((item) => item === text);
  if (found !== undefined) return found;
  const list = legal.map((item) => JSON.stringify(item)).join(", ");
  throw new TokenizerError(place.path, `one of ${list}`, JSON.stringify(text).slice(0, 60));
}

/** What happens to something that the protocol has no place for: an error, or it is left out. */
export type Unknown = "error" | "drop";

/** Whether nothing is lost when a value is left out. */
function isNothing(value: Json): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** Checks that an object has no other keys than these, but for keys that hold nothing. */
export function keys(
  object: JsonObject,
  path: string,
  known: readonly string[],
  unknown: Unknown,
): void {
  if (unknown === "drop") return;
  for (const [key, value] of entriesOf(object)) {
    if (isNothing(value) || known.includes(key)) continue;
    throw new TokenizerError(pathTo(path, key), `one of the keys ${known.join(", ")}`, "another");
  }
}

/**
 * Returns the value that is given in one of several places.
 *
 * @throws {TokenizerError} when two of them differ
 */
export function agreed<T>(
  places: readonly Place[],
  read: (place: Place) => T | undefined,
): T | undefined {
  let first: { value: T; path: string } | undefined;
  for (const place of places) {
    const value = read(place);
    if (value === undefined) continue;
    if (first && first.value !== value) {
      const told = `${JSON.stringify(first.value)}, as ${first.path} says`;
      throw new TokenizerError(place.path, told, JSON.stringify(value).slice(0, 60));
    }
    first ??= { value, path: place.path };
  }
  return first?.value;
}
