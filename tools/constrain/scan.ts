/**
 * Reads a text character by character, for the two small languages of this folder.
 *
 * Next: pattern.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { ALL, type CodePoints, codePoints, without } from "./code-points.ts";

/** Characters of what was got that an error shows. */
const SHOWN = 20;

/** A text, and how far it was read. */
export class Scan {
  readonly #chars: readonly string[];
  readonly #where: string;
  #at = 0;

  /** @param where what to call the text in an error */
  constructor(text: string, where: string) {
    this.#chars = [...text];
    this.#where = where;
  }

  /** Whether nothing is left. */
  get isOver(): boolean {
    return this.#at >= this.#chars.length;
  }

  /** The next character, or one after it; the empty text when there is none. */
  peek(ahead: number = 0): string {
    return this.#chars[this.#at + ahead] ?? "";
  }

  /** Whether the next characters are these. */
  sees(text: string): boolean {
    return [...text].every((char, i) => this.peek(i) === char);
  }

  /** Reads these characters, if they come next. */
  eat(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#at += [...text].length;
    return true;
  }

  /**
   * Reads these characters.
   *
   * @throws {ConstraintError} when something else comes next
   */
  expect(text: string): void {
    if (!this.eat(text)) this.fail(`expected ${text}`);
  }

  /** Reads the next character. */
  take(): string {
    const char = this.peek();
    if (char === "") this.fail("expected a character");
    this.#at++;
    return char;
  }

  /** Reads the characters that fit. */
  takeAll(fits: RegExp): string {
    let taken = "";
    while (!this.isOver && fits.test(this.peek())) taken += this.take();
    return taken;
  }

  /** Reads the character that hexadecimal digits name: `n` of them, or as many as there are. */
  hex(n?: number): number {
    let digits = "";
    while (digits.length !== n && /^[0-9a-fA-F]$/.test(this.peek())) digits += this.take();
    const code = Number.parseInt(digits, 16);
    const isComplete = digits !== "" && digits.length === (n ?? digits.length);
    if (!isComplete || without([[code, code]], ALL).length > 0) {
      this.fail(`expected ${n === undefined ? "" : `${n} `}hex digits of a character`);
    }
    return code;
  }

  /** Reads `{m}`, `{m,}`, `{m,n}`, `*`, `+` or `?`; undefined when none of them comes next. */
  quantifier(): { readonly min: number; readonly max: number | undefined } | undefined {
    if (this.eat("*")) return { min: 0, max: undefined };
    if (this.eat("+")) return { min: 1, max: undefined };
    if (this.eat("?")) return { min: 0, max: 1 };
    if (!this.eat("{")) return undefined;
    const min = this.#count();
    let max: number | undefined = min;
    if (this.eat(",")) max = this.sees("}") ? undefined : this.#count();
    this.expect("}");
    if (max !== undefined && max < min) this.fail(`expected at least ${min} times, got ${max}`);
    return { min, max };
  }

  #count(): number {
    const digits = this.takeAll(/\d/);
    if (digits === "") this.fail("expected a number");
    const count = Number(digits);
    if (!Number.isSafeInteger(count)) this.fail("expected a smaller number");
    return count;
  }

  /**
   * Reads the inside of `[…]` up to the bracket that closes it.
   *
   * @param readEscape reads what follows a backslash
   */
  set(readEscape: () => CodePoints): CodePoints {
    const one = (): CodePoints => {
      if (this.eat("\\")) return readEscape();
      const code = this.take().codePointAt(0) ?? 0;
      return codePoints([code, code]);
    };
    const found: CodePoints[] = [];
    while (!this.sees("]")) {
      const from = one();
      if (this.sees("-") && this.peek(1) !== "]") {
        this.take();
        const to = one();
        const [a, b] = [single(from), single(to)];
        if (a === undefined || b === undefined || b < a)
          this.fail("expected a range of characters");
        else found.push(codePoints([a, b]));
      } else found.push(from);
    }
    this.expect("]");
    return codePoints(...found.flat());
  }

  /** @throws {ConstraintError} always: what was expected, and what is there */
  fail(expected: string): never {
    const rest = this.#chars.slice(this.#at, this.#at + SHOWN).join("");
    const got = rest === "" ? "the end" : JSON.stringify(rest);
    throw new ConstraintError(
      `${this.#where}: character ${this.#at + 1}`,
      `${expected}, got ${got}`,
    );
  }
}

/** The only character of a set. */
function single(set: CodePoints): number | undefined {
  const [range] = set;
  return set.length === 1 && range && range[0] === range[1] ? range[0] : undefined;
}
