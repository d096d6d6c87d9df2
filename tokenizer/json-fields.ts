/**
 * Reads a JSON object strictly: every key is either taken with a check, or waived with a reason.
 *
 * An unknown key may ask for a behaviour that is not built here, so it is an error.
 * @module
 */
import { show, TokenizerError } from "./tokenizer-error.ts";

/** The path of the document itself. Paths inside it look like `tokenizer.json: model.type`. */
export const ROOT = "tokenizer.json";

/** Returns the path of `key` inside `parent`. A number is an index of an array. */
export function at(parent: string, key: string | number): string {
  const step = typeof key === "number" ? `[${key}]` : key;
  if (parent === ROOT) return `${ROOT}: ${step}`;
  return typeof key === "number" ? `${parent}${step}` : `${parent}.${step}`;
}

/** The keys of one JSON object that have not been read yet. */
export class Fields {
  readonly path: string;
  readonly #left: Map<string, unknown>;

  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw new TokenizerError(path, "an object", show(value));
    this.path = path;
    this.#left = new Map(Object.entries(value));
  }

  /**
   * Returns the value of `key`, which must satisfy `is`. The value of an absent key is undefined.
   */
  take<T>(key: string, expected: string, is: (value: unknown) => value is T): T {
    const value = this.#left.get(key);
    this.#left.delete(key);
    if (!is(value)) throw new TokenizerError(at(this.path, key), expected, show(value));
    return value;
  }

  /** Skips keys. `_reason` tells readers why these keys cannot change an id or a text. */
  waive(_reason: string, ...keys: readonly string[]): void {
    for (const key of keys) this.#left.delete(key);
  }

  /** @throws {TokenizerError} when a key is left that was neither taken nor waived */
  end(): void {
    for (const [key, value] of this.#left) {
      throw new TokenizerError(at(this.path, key), "no such key", show(value));
    }
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a JSON value is an array. */
export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether a JSON value is a string. */
export function isString(value: unknown): value is string {
  return typeof value === "string";
}

/** Whether a JSON value is a boolean. */
export function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** Whether a JSON value is an id: an integer ≥ 0 that fits an `Int32Array`. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

/** Makes a guard for a field that must have one of these values. */
export function isOneOf<const T>(...legal: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => (legal as readonly unknown[]).includes(value);
}
