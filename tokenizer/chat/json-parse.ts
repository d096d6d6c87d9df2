/**
 * Reads JSON text and keeps the order of keys and the digits of numbers. Also reads the Python
 * literals that a model sometimes writes instead (`{'a': True}`).
 *
 * Next: python-json.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import { type Json, JsonNumber } from "./json-value.ts";

/**
 * Reads JSON text strictly (RFC 8259). Objects become maps, and numbers become {@link JsonNumber}s.
 * When a key is there twice, the last value counts at the place of the first, as in Python and
 * JavaScript.
 *
 * @param path what to call the text in an error
 * @throws {TokenizerError} with line and column
 */
export function parseJson(text: string, path = "JSON"): Json {
  return new Reader(text, path, JSON_RULES).document();
}

/**
 * Reads the JSON value that begins at an offset of a text, and says where it ends.
 *
 * @throws {TokenizerError} with line and column
 */
export function parseJsonAt(text: string, start: number): { value: Json; end: number } {
  return new Reader(text, "JSON", JSON_RULES, start).first();
}

/**
 * Reads a Python literal: JSON, and also `True`, `None`, `'x'`, tuples and a comma before the end.
 */
export function parsePythonLiteral(text: string, path = "literal"): Json {
  return new Reader(text, path, PYTHON_RULES).document();
}

/** What differs between JSON and Python literals. */
interface Rules {
  readonly blank: RegExp;
  readonly words: ReadonlyMap<string, Json>;
  readonly quotes: string;
  readonly isPython: boolean;
}

const JSON_WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;
const PYTHON_WORDS = [
  ["True", true],
  ["False", false],
  ["None", null],
] as const;
const JSON_RULES: Rules = {
  blank: /[ \t\n\r]*/y,
  words: new Map<string, Json>(JSON_WORDS),
  quotes: '"',
  isPython: false,
};
const PYTHON_RULES: Rules = {
  blank: /\s*/y,
  words: new Map<string, Json>([...JSON_WORDS, ...PYTHON_WORDS]),
  quotes: "\"'",
  isPython: true,
};

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings must not hold them
const PLAIN = { '"': /[^"\\\u0000-\u001f]*/y, "'": /[^'\\\u0000-\u001f]*/y };
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
};
/** Levels of objects and lists that are read. */
const MAX_DEPTH = 500;

/** Reads one text from left to right. */
class Reader {
  readonly #text: string;
  readonly #path: string;
  readonly #rules: Rules;
  #at = 0;
  #depth = 0;

  constructor(text: string, path: string, rules: Rules, start = 0) {
    this.#text = text;
    this.#path = path;
    this.#rules = rules;
    this.#at = start;
  }

  first(): { value: Json; end: number } {
    return { value: this.#value(), end: this.#at };
  }

  document(): Json {
    const value = this.#value();
    this.#take(this.#rules.blank);
    if (this.#at < this.#text.length) throw this.#error("the end");
    return value;
  }

  #value(): Json {
    this.#take(this.#rules.blank);
    const char = this.#text.charAt(this.#at);
    if (char === "{") return this.#nested(() => this.#object());
    if (char === "[") return this.#nested(() => this.#array("]"));
    if (char === "(" && this.#rules.isPython) return this.#nested(() => this.#array(")"));
    if (char !== "" && this.#rules.quotes.includes(char)) return this.#string();
    const number = this.#take(NUMBER);
    if (number !== "") return new JsonNumber(number);
    const start = this.#at;
    const word = this.#rules.words.get(this.#take(WORD));
    if (word !== undefined) return word;
    this.#at = start;
    throw this.#error("a value");
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`at most ${MAX_DEPTH} levels`);
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): Json {
    const object = new Map<string, Json>();
    while (!this.#closes("}", object.size === 0)) {
      this.#take(this.#rules.blank);
      if (!this.#rules.quotes.includes(this.#text.charAt(this.#at) || " ")) {
        throw this.#error("a key in quotes");
      }
      const key = this.#string();
      this.#take(this.#rules.blank);
      if (this.#text.charAt(this.#at) !== ":") throw this.#error("a colon");
      this.#at++;
      object.set(key, this.#value());
    }
    return object;
  }

  #array(close: string): Json {
    const array: Json[] = [];
    while (!this.#closes(close, array.length === 0)) array.push(this.#value());
    return array;
  }

  /** Steps over the closing sign, or over the comma before the next item. */
  #closes(close: string, isFirst: boolean): boolean {
    this.#take(this.#rules.blank);
    if (this.#eat(close)) return true;
    if (isFirst) return false;
    if (!this.#eat(",")) throw this.#error(`a comma or ${close}`);
    this.#take(this.#rules.blank);
    return this.#rules.isPython && this.#eat(close);
  }

  #string(): string {
    const quoteSign = this.#text.charAt(this.#at++) as '"' | "'";
    let value = "";
    for (;;) {
      value += this.#take(PLAIN[quoteSign]);
      if (this.#eat(quoteSign)) return value;
      if (!this.#eat("\\")) throw this.#error("the end of the string");
      value += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at++);
    const { isPython } = this.#rules;
    const nDigits = letter === "u" ? 4 : letter === "x" && isPython ? 2 : 0;
    if (nDigits > 0) {
      const digits = this.#text.slice(this.#at, this.#at + nDigits);
      if (digits.length < nDigits || /[^0-9a-fA-F]/.test(digits)) throw this.#error("hex digits");
      this.#at += nDigits;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    if (isPython && letter === "'") return "'";
    const char = ESCAPES[letter];
    if (char !== undefined && !(isPython && letter === "/")) return char;
    if (isPython && letter !== "") return `\\${letter}`; // what Python does with unknown ones
    this.#at--;
    throw this.#error("an escape");
  }

  #eat(sign: string): boolean {
    if (this.#text.charAt(this.#at) !== sign) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #error(expected: string): TokenizerError {
    const before = this.#text.slice(0, this.#at).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
    const next = this.#text.codePointAt(this.#at);
    const got = next === undefined ? "the end" : JSON.stringify(String.fromCodePoint(next));
    return new TokenizerError(`${this.#path}: ${place}`, expected, got);
  }
}
