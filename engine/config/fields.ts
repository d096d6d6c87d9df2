/**
 * Reads the fields of a JSON object one by one and remembers which were read. A field that is left
 * at the end is judged by `unknown-keys.ts`: it may ask for something that the engine does not do.
 *
 * Next: schedule.ts
 * @module
 */
import { GlmError } from "../base/errors.ts";
import type { UnknownKeys } from "./unknown-keys.ts";

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

/** Accepts a token id, or a list of them. */
export const tokenIds: Rule<number | readonly number[]> = {
  what: "a token id or a list of them",
  is: (v): v is number | readonly number[] =>
    Array.isArray(v) ? v.every(nonNegativeInteger.is) : nonNegativeInteger.is(v),
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
  readonly #file: string;
  readonly #path: string;
  readonly #left: Map<string, unknown>;

  /**
   * @param path the key of this object in its file; empty for the file itself
   * @throws {ConfigError} when `json` is not an object
   */
  constructor(file: string, json: unknown, path: string = "") {
    this.#file = file;
    this.#path = path;
    if (!object.is(json)) {
      throw new ConfigError(this.#where, `expected an object, got ${show(json)}`);
    }
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

  /** Leaves a key unread if it has this value. */
  skip(key: string, value: unknown): void {
    if (this.#left.get(key) === value) this.#left.delete(key);
  }

  /** Makes the error that names a key, what was expected and what is there. */
  error(key: string, expected: string, got: string): ConfigError {
    return this.mistake(key, `expected ${expected}, got ${got}`);
  }

  /** Makes the error that names a key and what is wrong with it. */
  mistake(key: string, what: string): ConfigError {
    return new ConfigError(this.#where, `${key}: ${what}`);
  }

  /**
   * Judges what is left.
   *
   * @throws {ConfigError} for a key that is neither read, nor ignored for a reason, nor harmless
   */
  finish(ignored: ReadonlyMap<string, string>, unknown: UnknownKeys): void {
    for (const [key, value] of this.#left) {
      const path = this.#path === "" ? key : `${this.#path}.${key}`;
      if (ignored.has(key) || unknown.pass(this.#file, path, value)) continue;
      const text = `${this.#where}: unknown key ${show(key)} (value ${show(value)})`;
      throw new ConfigError(
        text,
        `it may switch on something that this engine lacks; ${passes(path)}`,
      );
    }
  }

  get #where(): string {
    return this.#path === "" ? this.#file : `${this.#file}: ${this.#path}`;
  }
}

/** The way out for a key that cannot change a result. */
export function passes(path: string): string {
  const name = /^[\w.]{1,80}$/.test(path) ? path : "NAME";
  return `if it changes nothing, pass over it with --ignore-config-key ${name} (ignoreKeys)`;
}

/** Prints a JSON value for an error message, never at length. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map((v) => (typeof v === "object" ? "…" : show(v)));
    return `[${items.join(", ")}${value.length > 8 ? `, … ${value.length} items` : ""}]`;
  }
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
