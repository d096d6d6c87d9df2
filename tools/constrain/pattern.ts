/**
 * Turns a regular expression into the form of the texts that match it from beginning to end.
 *
 * JavaScript's syntax is read, without what looks around (`(?=…)`, `\b`), refers back (`\1`) or needs
 * tables of Unicode (`\p{…}`). An expression without `^` and `$` would match inside any text; here it
 * must match the whole, which every one of these texts does, too.
 *
 * Next: gbnf.ts
 * @module
 */
import { ALL, type CodePoints, charactersOf, codePoints, without } from "./code-points.ts";
import { character, choice, type Form, repeat, sequence, text } from "./forms.ts";
import { Scan } from "./scan.ts";

const DIGITS = codePoints([0x30, 0x39]);
const WORD = codePoints(...charactersOf("_"), ...DIGITS, [0x41, 0x5a], [0x61, 0x7a]);
/** What JavaScript's `\s` matches and `trim` takes away. */
export const BLANKS: CodePoints = codePoints(
  ...charactersOf(" \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"),
  [0x2000, 0x200a],
);
const LINE_ENDS = charactersOf("\n\r\u2028\u2029");

/** What a backslash and a letter stand for, inside and outside of `[…]`. */
const SETS: ReadonlyMap<string, CodePoints> = new Map([
  ["d", DIGITS],
  ["D", without(ALL, DIGITS)],
  ["w", WORD],
  ["W", without(ALL, WORD)],
  ["s", BLANKS],
  ["S", without(ALL, BLANKS)],
  ["n", charactersOf("\n")],
  ["r", charactersOf("\r")],
  ["t", charactersOf("\t")],
  ["f", charactersOf("\f")],
  ["v", charactersOf("\v")],
  ["0", charactersOf("\0")],
]);

/** Groups inside groups. */
const MAX_DEPTH = 50;

/**
 * The form of the texts that a regular expression matches from beginning to end.
 *
 * @param where what to call the expression in an error
 * @throws {ConstraintError} when it is no regular expression, or uses what is left out here
 */
export function patternForm(pattern: string, where: string): Form {
  return new PatternReader(pattern, where).read();
}

class PatternReader {
  readonly #scan: Scan;
  #depth = 0;

  constructor(pattern: string, where: string) {
    this.#scan = new Scan(pattern, where);
  }

  read(): Form {
    const form = this.#alternatives();
    if (!this.#scan.isOver) this.#scan.fail("expected the end");
    return form;
  }

  #alternatives(): Form {
    const parts = [this.#sequence()];
    while (this.#scan.eat("|")) parts.push(this.#sequence());
    return choice(...parts);
  }

  #sequence(): Form {
    const scan = this.#scan;
    const parts: Form[] = [];
    const isOutside = this.#depth === 0;
    if (isOutside) scan.eat("^");
    while (!scan.isOver && !scan.sees("|") && !scan.sees(")")) {
      if (isOutside && scan.sees("$") && ["", "|"].includes(scan.peek(1))) {
        scan.take();
        break;
      }
      const part = this.#atom();
      const times = scan.quantifier();
      if (times) scan.eat("?"); // how greedy it is changes nothing for a whole text
      parts.push(times ? repeat(part, times.min, times.max) : part);
    }
    return sequence(...parts);
  }

  #atom(): Form {
    const scan = this.#scan;
    if (scan.eat("(")) return this.#group();
    if (scan.eat(".")) return character(without(ALL, LINE_ENDS));
    if (scan.eat("[")) {
      const isNot = scan.eat("^");
      const set = scan.set(() => this.#escape());
      return character(isNot ? without(ALL, set) : set);
    }
    if (scan.eat("\\")) return character(this.#escape());
    if (/^[\^$*+?{}\])]$/.test(scan.peek())) {
      scan.fail("expected a character, a set or a group (^ and $ stand at the ends alone)");
    }
    return text(scan.take());
  }

  #group(): Form {
    const scan = this.#scan;
    if (scan.eat("?")) {
      const isNamed = scan.sees("<") && scan.peek(1) !== "=" && scan.peek(1) !== "!";
      if (isNamed) {
        scan.take();
        scan.takeAll(/[\w$]/);
        scan.expect(">");
      } else if (!scan.eat(":")) {
        scan.fail("expected a group that does not look around: (…), (?:…) or (?<name>…)");
      }
    }
    if (++this.#depth > MAX_DEPTH) scan.fail(`expected at most ${MAX_DEPTH} groups in each other`);
    const form = this.#alternatives();
    this.#depth--;
    scan.expect(")");
    return form;
  }

  #escape(): CodePoints {
    const scan = this.#scan;
    const set = SETS.get(scan.peek());
    if (set) {
      if (scan.take() === "0" && /\d/.test(scan.peek())) scan.fail("expected no digit after \\0");
      return set;
    }
    let code: number | undefined;
    if (scan.eat("x")) code = scan.hex(2);
    else if (scan.eat("u{")) {
      code = scan.hex();
      scan.expect("}");
    } else if (scan.eat("u")) code = scan.hex(4);
    else if (!/^[\^$\\.*+?()[\]{}|/-]$/.test(scan.peek())) {
      scan.fail(
        "expected an escape of \\d \\w \\s, a line or a sign (\\b, \\1 and \\p are not known)",
      );
    }
    return code === undefined ? charactersOf(scan.take()) : codePoints([code, code]);
  }
}

/** How many characters the texts of a form have. The form must refer to no rules. */
export function lengthOf(form: Form): { readonly min: number; readonly max: number } {
  switch (form.kind) {
    case "text": {
      const n = [...form.text].length;
      return { min: n, max: n };
    }
    case "character":
      return { min: 1, max: 1 };
    case "sequence":
      return form.parts
        .map(lengthOf)
        .reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), {
          min: 0,
          max: 0,
        });
    case "choice": {
      const lengths = form.parts.map(lengthOf);
      return {
        min: Math.min(...lengths.map(({ min }) => min)),
        max: Math.max(...lengths.map(({ max }) => max)),
      };
    }
    case "repeat": {
      const { min, max } = lengthOf(form.part);
      const most = form.max ?? Number.POSITIVE_INFINITY;
      return { min: min * form.min, max: max === 0 || most === 0 ? 0 : max * most };
    }
    case "rule":
      return { min: 0, max: Number.POSITIVE_INFINITY };
  }
}
