/**
 * Reads the fields of a JSON object one by one and remembers which were read, so that whatever is
 * left at the end is known to be a question and not noise.
 *
 * Next: config-schedule.ts
 * @module
 */
import { GlmError } from "../errors.ts";

/** Thrown when a `config.json` does not describe a model that this engine computes. */
export class ConfigError extends GlmError {
  override readonly name = "ConfigError";
  readonly code = "config";
}

/** What a field must be: the words for the message, and the test. */
export interface Rule<T> {
  readonly what: string;
  is(value: unknown): value is T;
}

/**
 * Largest length or count that a config may name. No model comes near it, and the product of any
 * two stays an exact number.
 */
export const MAX_LENGTH: number = 2 ** 25;

/** `1, 2, 3, …` */
export const positiveInteger: Rule<number> = integerFrom(1, MAX_LENGTH, "a positive integer");

/** `0, 1, 2, …` */
export const nonNegativeInteger: Rule<number> = integerFrom(0, MAX_LENGTH, "an integer >= 0");

/** A finite number above 0. */
export const positiveNumber: Rule<number> = {
  what: "a positive number",
  is: (v): v is number => typeof v === "number" && Number.isFinite(v) && v > 0,
};

/** `true` or `false`. */
export const boolean: Rule<boolean> = {
  what: "true or false",
  is: (v): v is boolean => typeof v === "boolean",
};

/** An object, not a list. */
export const object: Rule<Readonly<Record<string, unknown>>> = {
  what: "an object",
  is: (v): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v),
};

/** Exactly this string, number or boolean. */
export function exactly<T extends string | number | boolean>(value: T, why: string): Rule<T> {
  return { what: `${show(value)} (${why})`, is: (v): v is T => v === value };
}

/** A list of `length` words, each one of `words`. */
export function listOf<T extends string>(words: readonly T[], length: number): Rule<readonly T[]> {
  return {
    what: `a list of ${length} words from ${words.join(" | ")}`,
    is: (v): v is readonly T[] =>
      Array.isArray(v) && v.length === length && v.every((word) => words.includes(word)),
  };
}

/** A whole number in a range. */
export function integerFrom(low: number, high: number, what: string): Rule<number> {
  return {
    what,
    is: (v): v is number => Number.isInteger(v) && low <= Number(v) && Number(v) <= high,
  };
}

/** The fields of one JSON object. `null` counts as absent, as it does in HF transformers. */
export class Fields {
  readonly #where: string;
  readonly #left: Map<string, unknown>;

  /** @throws {ConfigError} when `json` is not an object */
  constructor(where: string, json: unknown) {
    if (!object.is(json)) throw new ConfigError(where, `expected an object, got ${show(json)}`);
    this.#where = where;
    this.#left = new Map(Object.entries(json).filter(([, value]) => value !== null));
  }

  /** The value of a key that must be there. */
  required<T>(key: string, rule: Rule<T>): T {
    const value = this.optional(key, rule);
    if (value === undefined) throw this.error(key, rule.what, "nothing");
    return value;
  }

  /** The value of a key that may be absent. */
  optional<T>(key: string, rule: Rule<T>): T | undefined {
    const value = this.#left.get(key);
    this.#left.delete(key);
    if (value === undefined) return undefined;
    if (!rule.is(value)) throw this.error(key, rule.what, show(value));
    return value;
  }

  /** The error that names a key, what was expected and what is there. */
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

/** A JSON value as an error message prints it, never long. */
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
