/**
 * Reads a grammar in GBNF, the notation of llama.cpp and, but for its look-ahead, of xgrammar.
 *
 * ```
 * root  ::= greeting " " name "."
 * name  ::= [A-Z] [a-z]{1,20}      # a comment
 * ```
 *
 * A rule ends where the next one begins. Its parts are texts in quotes, sets of characters, `.` for any
 * character, other rules and groups, each of which may be repeated.
 *
 * Next: vet-schema.ts
 * @see llama.cpp `grammars/README.md`
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { ALL, type CodePoints, charactersOf, codePoints, without } from "./code-points.ts";
import { character, choice, type Form, type Rules, repeat, rule, sequence, text } from "./forms.ts";
import { Scan } from "./scan.ts";

/** Where a grammar begins. */
const ROOT = "root";

const NAME = /[A-Za-z0-9_-]/;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
/** Digits of a character after these letters. */
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);
const SIGN = /^["\\[\]^'/-]$/;

/** Rules of one grammar. */
const MAX_RULES = 2000;

/** Groups inside groups. */
const MAX_DEPTH = 50;

/**
 * Reads a grammar.
 *
 * @param where what to call the grammar in an error
 * @throws {ConstraintError} when it is none, or has no `root`, a rule twice, or one not at all
 */
export function gbnfRules(grammar: string, where: string): Rules {
  return { root: rule(ROOT), rules: new GbnfReader(grammar, where).read() };
}

class GbnfReader {
  readonly #scan: Scan;
  readonly #where: string;
  /** The rules that others refer to. */
  readonly #named = new Set<string>();
  #depth = 0;

  constructor(grammar: string, where: string) {
    this.#scan = new Scan(grammar, where);
    this.#where = where;
  }

  read(): Map<string, Form> {
    const rules = new Map<string, Form>();
    for (this.#blanks(); !this.#scan.isOver; this.#blanks()) {
      const name = this.#scan.takeAll(NAME);
      if (name === "") this.#scan.fail("expected the name of a rule");
      this.#blanks();
      this.#scan.expect("::=");
      if (rules.has(name)) {
        throw new ConstraintError(this.#where, `expected each rule once, got ${name} twice`);
      }
      rules.set(name, this.#alternatives());
      if (rules.size > MAX_RULES) this.#scan.fail(`expected at most ${MAX_RULES} rules`);
    }
    for (const name of [ROOT, ...this.#named]) {
      if (rules.has(name)) continue;
      throw new ConstraintError(this.#where, `expected a rule \`${name}\`, found none`);
    }
    return rules;
  }

  #blanks(): void {
    for (;;) {
      this.#scan.takeAll(/\s/);
      if (!this.#scan.sees("#")) return;
      this.#scan.takeAll(/[^\n]/);
    }
  }

  #alternatives(): Form {
    const parts = [this.#sequence()];
    while (this.#scan.eat("|")) parts.push(this.#sequence());
    return choice(...parts);
  }

  #sequence(): Form {
    const scan = this.#scan;
    const parts: Form[] = [];
    for (;;) {
      this.#blanks();
      if (scan.isOver || scan.sees("|") || scan.sees(")") || this.#isAtRule()) break;
      const part = this.#part();
      const times = scan.quantifier();
      parts.push(times ? repeat(part, times.min, times.max) : part);
    }
    return sequence(...parts);
  }

  /** Whether the next rule begins here. */
  #isAtRule(): boolean {
    let ahead = 0;
    while (NAME.test(this.#scan.peek(ahead))) ahead++;
    if (ahead === 0) return false;
    while (/\s/.test(this.#scan.peek(ahead))) ahead++;
    return [..."::="].every((char, i) => this.#scan.peek(ahead + i) === char);
  }

  #part(): Form {
    const scan = this.#scan;
    if (scan.eat('"')) return this.#literal();
    if (scan.eat(".")) return character(ALL);
    if (scan.eat("[")) {
      const isNot = scan.eat("^");
      const set = scan.set(() => this.#escape());
      return character(isNot ? without(ALL, set) : set);
    }
    if (scan.eat("(")) {
      if (scan.sees("=")) scan.fail("expected a group that does not look ahead");
      if (++this.#depth > MAX_DEPTH)
        scan.fail(`expected at most ${MAX_DEPTH} groups in each other`);
      const form = this.#alternatives();
      this.#depth--;
      scan.expect(")");
      return form;
    }
    const name = scan.takeAll(NAME);
    if (name === "") scan.fail("expected a text in quotes, a set, a group or a rule");
    this.#named.add(name);
    return rule(name);
  }

  #literal(): Form {
    const scan = this.#scan;
    let literal = "";
    while (!scan.eat('"')) {
      if (!scan.eat("\\")) literal += scan.take();
      else for (const [code] of this.#escape()) literal += String.fromCodePoint(code);
    }
    return text(literal);
  }

  #escape(): CodePoints {
    const scan = this.#scan;
    const letter = scan.take();
    const nDigits = HEX_DIGITS.get(letter);
    if (nDigits !== undefined) {
      const code = scan.hex(nDigits);
      return codePoints([code, code]);
    }
    const char = ESCAPES.get(letter) ?? (SIGN.test(letter) ? letter : undefined);
    return char === undefined
      ? scan.fail(`expected an escape that is known, got \\${letter} before`)
      : charactersOf(char);
  }
}
