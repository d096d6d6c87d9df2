/**
 * Strict reading of a JSON object: every key is either taken with a check or waived with a reason.
 *
 * A key nobody knows may switch on a behaviour that is not built here, so it is never skipped.
 * @module
 */
import { show, TokenizerError } from "./tokenizer-error.ts";

/** Path of the document itself; paths inside it read `tokenizer.json: model.type`. */
export const ROOT = "tokenizer.json";

/** The path of `key` inside `parent`; a number is an array index. */
export function at(parent: string, key: string | number): string {
  const step = typeof key === "number" ? `[${key}]` : key;
  if (parent === ROOT) return `${ROOT}: ${step}`;
  return typeof key === "number" ? `${parent}${step}` : `${parent}.${step}`;
}

/** The keys of one JSON object, ticked off one by one. */
export class Fields {
  readonly path: string;
  readonly #left: Map<string, unknown>;

  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw new TokenizerError(path, "an object", show(value));
    this.path = path;
    this.#left = new Map(Object.entries(value));
  }

  /** The value of `key`, which must satisfy `is`; an absent key is `undefined`. */
  take<T>(key: string, expected: string, is: (value: unknown) => value is T): T {
    const value = this.#left.get(key);
    this.#left.delete(key);
    if (!is(value)) throw new TokenizerError(at(this.path, key), expected, show(value));
    return value;
  }

  /** Reads nothing: `reason` says why these keys cannot change an id or a text. */
  waive(_reason: string, ...keys: readonly string[]): void {
    for (const key of keys) this.#left.delete(key);
  }

  /** @throws {TokenizerError} when a key is left that nobody took */
  end(): void {
    for (const [key, value] of this.#left) {
      throw new TokenizerError(at(this.path, key), "no such key", show(value));
    }
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

export function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** Ids are non-negative 31-bit integers: they travel in an `Int32Array`. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

/** A guard for a field with exactly these legal values. */
export function isOneOf<const T>(...legal: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => (legal as readonly unknown[]).includes(value);
}
