/**
 * Reads the fields of a JSON object one by one and remembers which were read. A field that is left
 * at the end is an error, because it may ask for something that the engine does not do.
 *
 * Next: schedule.ts
 * @module
 */
import { GlmError } from "../base/errors.ts";

/** A `config.json` does not describe a model that this engine computes. */
export class ConfigError extends GlmError {
  override readonly name = "ConfigError";
  readonly code = "config";
}

/** What a field must be. */
export interface Rule<T> {
  /** The rule in words, for the message. */
  readonly what: string;
  /** Whether a value keeps the rule. */
  is(value: unknown): value is T;
}

/**
 * The largest length or count that a config may name. No model comes near it, and the product of
 * any two is still an exact number.
 */
export const MAX_LENGTH: number = 2 ** 25;

/** Accepts `1, 2, 3, …` */
export const positiveInteger: Rule<number> = integerFrom(1, MAX_LENGTH, "a positive integer");

/** Accepts `0, 1, 2, …` */
export const nonNegativeInteger: Rule<number> = integerFrom(0, MAX_LENGTH, "an integer >= 0");

/** Accepts a finite number above 0. */
export const positiveNumber: Rule<number> = {
  what: "a positive number",
  is: (v): v is number => typeof v === "number" && Number.isFinite(v) && v > 0,
};

/** Accepts `true` or `false`. */
export const boolean: Rule<boolean> = {
  what: "true or false",
  is: (v): v is boolean => typeof v === "boolean",
};

/** Accepts an object, and no list. */
export const object: Rule<Readonly<Record<string, unknown>>> = {
  what: "an object",
  is: (v): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v),
};

/** Accepts exactly this string, number or boolean. */
export function exactly<T extends string | number | boolean>(value: T, why: string): Rule<T> {
  return { what: `${show(value)} (${why})`, is: (v): v is T => v === value };
}

/** Accepts a list of `length` words, each of them one of `words`. */
export function listOf<T extends string>(words: readonly T[], length: number): Rule<readonly T[]> {
  return {
    what: `a list of ${length} words from ${words.join(" | ")}`,
    is: (v): v is readonly T[] =>
      Array.isArray(v) && v.length === length && v.every((word) => words.includes(word)),
  };
}

/** Accepts a whole number in a range, both ends included. */
export function integerFrom(low: number, high: number, what: string): Rule<number> {
  return {
    what,
    is: (v): v is number => Number.isInteger(v) && low <= Number(v) && Number(v) <= high,
  };
}

/**
 * The fields of one JSON object that are not read yet. `null` counts as absent, as in HF
 * transformers.
 */
export class Fields {
  readonly #where: string;
  readonly #left: Map<string, unknown>;

  /** @throws {ConfigError} when `json` is not an object */
  constructor(where: string, json: unknown) {
    if (!object.is(json)) throw new ConfigError(where, `expected an object, got ${show(json)}`);
    this.#where = where;
    this.#left = new Map(Object.entries(json).filter(([, value]) => value !== null));
  }

  /** Returns the value of a key that must be there. */
  required<T>(key: string, rule: Rule<T>): T {
    const value = this.optional(key, rule);
    if (value === undefined) throw this.error(key, rule.what, "nothing");
    return value;
  }

  /** Returns the value of a key, or undefined when it is absent. */
  optional<T>(key: string, rule: Rule<T>): T | undefined {
    const value = this.#left.get(key);
    this.#left.delete(key);
    if (value === undefined) return undefined;
    if (!rule.is(value)) throw this.error(key, rule.what, show(value));
    return value;
  }

  /** Makes the error that names a key, what was expected and what is there. */
  error(key: string, expected: string, got: string): ConfigError {
    return new ConfigError(`${this.#where}`, `${key}: expected ${expected}, got ${got}`);
  }

  /** @throws {ConfigError} when a key is left that is neither read nor ignored for a reason */
  finish(ignored: ReadonlyMap<string, string>): void {
    for (const [key, value] of this.#left) {
      if (!ignored.has(key)) {
        const text = `${this.#where}: unknown key ${show(key)} (value ${show(value)})`;
        throw new ConfigError(text, "it may switch on something that this engine lacks");
      }
    }
  }
}

/** Prints a JSON value for an error message, never at length. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map((v) => (typeof v === "object" ? "…" : show(v)));
    return `[${items.join(", ")}${value.length > 8 ? `, … ${value.length} items` : ""}]`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
