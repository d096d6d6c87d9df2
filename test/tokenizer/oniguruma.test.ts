import { toRegExp } from "oniguruma-to-es";
import { describe, expect, test } from "vitest";
import { GPT2_PATTERN } from "../../tokenizer/json-components.ts";
import { wellFormed } from "../../tokenizer/normalize.ts";
import { translateOniguruma } from "../../tokenizer/oniguruma.ts";
import { preTokenize } from "../../tokenizer/pre-tokenize.ts";
import { TokenizerError } from "../../tokenizer/tokenizer-error.ts";
import { FAMILIES, readText } from "./families.ts";
import { randomText, seeded } from "./random-text.ts";
import { GLM_PATTERN } from "./tiny.ts";

/** Patterns, and what they are in JavaScript. */
const TRANSLATIONS: readonly (readonly [pattern: string, source: string])[] = [
  [String.raw`[\s\d]\S\D`, String.raw`[\p{White_Space}\p{Nd}]\P{White_Space}\P{Nd}`],
  ["(?i:k)k", "(?:[kK\u212a])k"],
  ["(?i:(a)|b)a", "(?:(?:[aA])|[bB])a"],
  [String.raw`\p{Han}+?\P{Lu}`, String.raw`\p{Script=Han}+?\P{Lu}`],
  ["(a|b)(?=c)(?!d)(?<=e)(?<!f)", "(?:a|b)(?=c)(?!d)(?<=e)(?<!f)"],
  ["a{2}b{1,}c{1,3}?", "a{2}b{1,}c{1,3}?"],
  [String.raw`\#\-\.[\#\-\]^$/]`, String.raw`#-\.[#\-\]\^\$/]`],
  ["[!-/_-][-a]", String.raw`[!-/_\-][\-a]`],
  ["[一-龥𠀀-𪛖]", "[一-龥𠀀-𪛖]"],
];

describe("translateOniguruma", () => {
  test("turns the pattern of GLM-5.2 into its exact JavaScript equivalent", () => {
    expect(translateOniguruma(GLM_PATTERN, "")).toBe(
      String.raw`(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`,
    );
  });

  test.each(TRANSLATIONS)("%s → %s", (pattern, source) => {
    expect(translateOniguruma(pattern, "")).toBe(source);
    new RegExp(source, "gu");
  });

  test.each([
    ["^a", "a bare ^"],
    ["a$", "a bare $"],
    ["a.b", "a bare ."],
    ["a++", "a bare +"],
    ["a{1,2}+", "a bare {"],
    ["a{2}?", "a bare {"],
    ["a{,2}", "a bare {"],
    ["a}", "a bare }"],
    ["a]", "a bare ]"],
    ["a)", "an unopened )"],
    ["(a", "an unclosed ("],
    ["(?>a)", "a bare ("],
    ["(?i)a", "a bare ("],
    ["(?<n>a)", "a bare ("],
    ["(?#a)", "a bare ("],
    [String.raw`\w`, String.raw`\w`],
    [String.raw`\b`, String.raw`\b`],
    [String.raw`(a)\1`, String.raw`\1`],
    [String.raw`\p{Punct}`, String.raw`\p{Punct}`],
    [String.raw`\p{^L}`, String.raw`\p{^L}`],
    ["[a[b]]", "a nested ["],
    ["[[:alpha:]]", "a nested ["],
    ["[a&&b]", "[a&&b]"],
    ["[]a]", '"[]a]"'],
    ["(?i:fi)", "(?i:fi)"],
    ["(?i:ss)", "(?i:ss)"],
    ["(?i:é)", "é inside (?i:…)"],
    ["(?i:[a])", "[a] inside (?i:…)"],
    [String.raw`(?i:\p{L})`, String.raw`\p{L} inside (?i:…)`],
  ])("refuses %s", (pattern, what) => {
    const got = `${what} in ${JSON.stringify(pattern)}`;
    const error = new TokenizerError("here", "a pattern of the known constructs", got);
    expect(() => translateOniguruma(pattern, "here")).toThrow(error);
  });
});

/** Returns the patterns of a tokenizer.json: those of its splits, and that of its ByteLevel. */
function patternsOf(json: string): string[] {
  const patterns: string[] = [];
  const { pre_tokenizer } = JSON.parse(json);
  JSON.stringify(pre_tokenizer, (key, value: unknown) => {
    if (key === "Regex") patterns.push(String(value));
    if (key === "use_regex" && value === true) patterns.push(GPT2_PATTERN);
    return value;
  });
  return patterns;
}

/** Texts that are hard on `pattern`, the same ones in every run. */
function* textsFor(pattern: string): Generator<string> {
  const random = seeded(55);
  for (let i = 0; i < 1000; i++) yield wellFormed(randomText(random, 30, []));
  // Characters of the pattern itself, and characters that fold to them, in random order.
  const own = [...new Set(`${pattern}sSſkK\u212a\u0345 \n\r\u0085\ufeff١²`)];
  for (let i = 0; i < 5000; i++) {
    yield Array.from({ length: 1 + random(8) }, () => own[random(own.length)]).join("");
  }
  // Code points one by one: all of the first 0x3400, then every 37th.
  for (let code = 0; code < 0x110000; code += code < 0x3400 ? 1 : 37) {
    const character = wellFormed(String.fromCodePoint(code));
    yield `a${character}1 ${character}'${character} \n${character}`;
  }
}

/** Returns the first text that two patterns cut differently. */
function firstDifference(a: RegExp, b: RegExp, texts: Iterable<string>): string | undefined {
  const cuts = (text: string, split: RegExp): string =>
    Array.from(preTokenize(text, [split]), ({ length }) => length).join();
  for (const text of texts) if (cuts(text, a) !== cuts(text, b)) return text;
  return undefined;
}

/**
 * Translates a pattern with oniguruma-to-es. When no letter stands outside of `(?i:…)`, that
 * package makes the whole pattern case-insensitive. Then JavaScript's `\p{L}` also matches U+0345,
 * a mark that folds to a letter; Oniguruma's does not. So we add a letter outside, in a branch that
 * never matches.
 */
function witness(pattern: string): RegExp {
  return toRegExp(`${pattern}|(?!)z`, { global: true, accuracy: "strict", target: "ES2024" });
}

describe("translateOniguruma against oniguruma-to-es", () => {
  const real = FAMILIES.filter(({ skip }) => skip === undefined).flatMap((family) =>
    patternsOf(readText(family)),
  );
  const accepted = new Set([
    ...TRANSLATIONS.map(([pattern]) => pattern),
    ...[GLM_PATTERN, GPT2_PATTERN],
    ...real,
  ]);

  test.each([...accepted])("both cut all texts alike: %s", (pattern) => {
    const ours = new RegExp(translateOniguruma(pattern, ""), "gu");
    expect(firstDifference(ours, witness(pattern), textsFor(pattern))).toBeUndefined();
  });

  // Negative controls: the pattern of GLM-5.2 with one mistake in its translation.
  test.each([
    [String.raw`\p{White_Space}+(?!`, String.raw`\s+(?!`, "JavaScript's white space"],
    ["[sSſ]", "[sS]", "folding within ASCII"],
    [String.raw`\p{N}{1,3}`, String.raw`\d{1,3}`, "ASCII digits"],
    [String.raw`(?!\P{White_Space})`, "", "no lookahead"],
    [String.raw`+[\r\n]*`, "+", "line ends cut off from signs"],
  ])("%s as %s is caught: %s", (right, wrong) => {
    const source = translateOniguruma(GLM_PATTERN, "");
    expect(source).toContain(right);
    const broken = new RegExp(
      source.replace(right, () => wrong),
      "gu",
    );
    expect(firstDifference(broken, witness(GLM_PATTERN), textsFor(GLM_PATTERN))).toBeDefined();
  });
});

describe("preTokenize with the pattern of GLM-5.2", () => {
  const glm = [new RegExp(translateOniguruma(GLM_PATTERN, ""), "gu")];

  test.each([
    ["I'm sure they'LL", ["I", "'m", " sure", " they", "'LL"]],
    ["'ſabc", ["'ſ", "abc"]],
    ["a  b   \n c\r\n\r\n", ["a", " ", " b", "   \n", " c", "\r\n\r\n"]],
    ["\ufeffa\u0085\u3000b", ["\ufeffa", "\u0085", "\u3000b"]],
    ["x12345 y", ["x", "123", "45", " y"]],
    ["foo(bar);\n", ["foo", "(bar", ");\n"]],
    ["", []],
  ])("cuts %j", (text, pieces) => {
    expect([...preTokenize(text, glm)]).toEqual(pieces);
  });
});

describe("preTokenize", () => {
  test("keeps what lies between the matches", () => {
    expect([...preTokenize("a1b22c", [/\d/gu])]).toEqual(["a", "1", "b", "2", "2", "c"]);
  });

  test("applies a second split inside the pieces of the first, lookahead included", () => {
    expect([...preTokenize("ab1ab", [/1/gu, /ab(?!1)/gu])]).toEqual(["ab", "1", "ab"]);
  });

  test("makes no empty piece of an empty match", () => {
    expect([...preTokenize("aab", [/b*/gu])]).toEqual(["a", "a", "b"]);
  });
});
