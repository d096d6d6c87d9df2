import { describe, expect, test } from "vitest";
import { translateOniguruma } from "../../tokenizer/oniguruma.ts";
import { preTokenize } from "../../tokenizer/pre-tokenize.ts";
import { TokenizerError } from "../../tokenizer/tokenizer-error.ts";
import { GLM_PATTERN } from "./tiny.ts";

describe("translateOniguruma", () => {
  test("turns the pattern of GLM-5.2 into its exact JavaScript equivalent", () => {
    expect(translateOniguruma(GLM_PATTERN, "")).toBe(
      String.raw`(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`,
    );
  });

  test.each([
    [String.raw`[\s\d]\S\D`, String.raw`[\p{White_Space}\p{Nd}]\P{White_Space}\P{Nd}`],
    ["(?i:k)k", "(?:[kK\u212a])k"],
    ["(?i:(a)|b)a", "(?:(?:[aA])|[bB])a"],
    [String.raw`\p{Han}+?\P{Lu}`, String.raw`\p{Script=Han}+?\P{Lu}`],
    ["(a|b)(?=c)(?!d)(?<=e)(?<!f)", "(?:a|b)(?=c)(?!d)(?<=e)(?<!f)"],
    ["a{2}b{1,}c{1,3}?", "a{2}b{1,}c{1,3}?"],
    [String.raw`\#\-\.[\#\-\]^$/]`, String.raw`#-\.[#\-\]\^\$/]`],
    ["[!-/_-][-a]", String.raw`[!-/_\-][\-a]`],
    ["[一-龥𠀀-𪛖]", "[一-龥𠀀-𪛖]"],
  ])("%s → %s", (pattern, source) => {
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
    expect(preTokenize(text, glm)).toEqual(pieces);
  });
});

describe("preTokenize", () => {
  test("keeps what lies between the matches", () => {
    expect(preTokenize("a1b22c", [/\d/gu])).toEqual(["a", "1", "b", "2", "2", "c"]);
  });

  test("applies a second split inside the pieces of the first, lookahead included", () => {
    expect(preTokenize("ab1ab", [/1/gu, /ab(?!1)/gu])).toEqual(["ab", "1", "ab"]);
  });

  test("makes no empty piece of an empty match", () => {
    expect(preTokenize("aab", [/b*/gu])).toEqual(["a", "a", "b"]);
  });
});
