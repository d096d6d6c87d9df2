import { describe, expect, test } from "vitest";
import { createTokenizer, TokenizerError } from "../../tokenizer/index.ts";
import { GPT2_PATTERN } from "../../tokenizer/json-components.ts";
import { LinearPattern } from "../../tokenizer/linear-pattern.ts";
import { translateOniguruma } from "../../tokenizer/oniguruma.ts";
import { parsePattern } from "../../tokenizer/pattern-tree.ts";
import { isQuick } from "../../tokenizer/quick-pattern.ts";
import { FAMILIES, readText, title } from "./families.ts";
import { seeded } from "./random-text.ts";
import { tinyJson } from "./tiny.ts";

const linear = (source: string): LinearPattern =>
  new LinearPattern(source, parsePattern(source, "here"), "here");
const found = (split: { matchAll?: unknown } & (RegExp | LinearPattern), text: string): string =>
  JSON.stringify(
    Array.from(split instanceof RegExp ? text.matchAll(split) : split.matchAll(text), (m) => [
      m.index,
      m[0],
    ]),
  );

/** Published patterns of models whose tokenizer.json is not here. */
const PUBLISHED: Readonly<Record<string, string>> = {
  gpt2: GPT2_PATTERN,
  cl100k: String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  o200k: String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  "qwen3.5": String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
};

describe("patterns of real models are run by the runtime, as before", () => {
  test.each(Object.entries(PUBLISHED))("%s", (_, pattern) => {
    expect(isQuick(parsePattern(translateOniguruma(pattern, "here"), "here"))).toBe(true);
  });

  for (const family of FAMILIES) {
    test.skipIf(family.skip !== undefined)(title(family), () => {
      const { pre_tokenizer } = JSON.parse(readText(family));
      const patterns: string[] = [];
      JSON.stringify(pre_tokenizer, (key, value: unknown) => {
        if (key === "Regex") patterns.push(String(value));
        return value;
      });
      expect(patterns.length).toBeGreaterThan(0);
      for (const pattern of patterns) {
        expect(isQuick(parsePattern(translateOniguruma(pattern, "here"), "here")), pattern).toBe(
          true,
        );
      }
    });
  }
});

describe("our own matcher finds what the runtime's finds", () => {
  const ATOMS = [
    "a",
    "b",
    "[ab]",
    "[^a]",
    "\\p{L}",
    "\\p{N}",
    "\\p{White_Space}",
    "\\n",
    "1",
    "😀",
  ];
  const TIMES = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??", "{0,2}?"];
  const LOOKS = ["(?=", "(?!", "(?<=", "(?<!"];
  const CHARACTERS = ["a", "b", "1", " ", "\n", "é", "\r", "a", "b"];

  /** A random pattern of the constructs that the translation lets through. */
  function randomPattern(random: (n: number) => number, depth: number): string {
    const part = (): string => {
      const kind = depth > 0 ? random(8) : 0;
      if (kind === 6)
        return `(?:${randomPattern(random, depth - 1)})${TIMES[random(TIMES.length)]}`;
      if (kind === 7) return `${LOOKS[random(4)]}${randomPattern(random, depth - 1)})`;
      return `${ATOMS[random(ATOMS.length)]}${TIMES[random(TIMES.length)]}`;
    };
    const sequence = (): string => Array.from({ length: 1 + random(3) }, part).join("");
    return Array.from({ length: 1 + random(3) }, sequence).join("|");
  }

  test("on 4,000 random patterns", () => {
    const random = seeded(20);
    let nRun = 0;
    for (let i = 0; i < 4000; i++) {
      const source = randomPattern(random, 2);
      let ours: LinearPattern;
      try {
        ours = linear(source);
      } catch (error) {
        expect((error as TokenizerError).expected).toBe("repeated parts that match something");
        continue;
      }
      nRun++;
      const theirs = new RegExp(source, "gu");
      for (let n = 0; n < 6; n++) {
        const text = Array.from({ length: random(9) }, () => CHARACTERS[random(9)]).join("");
        expect(found(ours, text), `${source} on ${JSON.stringify(text)}`).toBe(found(theirs, text));
      }
    }
    expect(nRun).toBeGreaterThan(1500);
  });

  test.each(Object.entries(PUBLISHED))("on the pattern of %s", (_, pattern) => {
    const source = translateOniguruma(pattern, "here");
    const random = seeded(3);
    const own = [..."aB1 '\n\r\tsſé中١.,/!😀\u0301\u00a0"];
    for (let i = 0; i < 300; i++) {
      const text = Array.from({ length: random(40) }, () => own[random(own.length)]).join("");
      expect(found(linear(source), text)).toBe(found(new RegExp(source, "gu"), text));
    }
  });
});

describe("patterns that explode", () => {
  const split = (Regex: string) => ({
    ...tinyJson(),
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, use_regex: false },
      ],
    },
  });

  test.each([
    "(a+)+b",
    "(a|a)+b",
    "(a|aa)+$?b",
    "a*a*a*a*a*a*a*b",
    "(?:a?){30}a{30}b",
    "((a+)+(a+)+)+b",
    "(?=(a+)+b)a",
    "(?<=(a+)+b)a",
    "(?!(a|aa)+b)b",
    "(\\p{L}+\\s?)+1",
    "(a{1,9}){1,9}b",
  ])("%s takes linear time, so a long text passes", (pattern) => {
    const source = pattern.replace("$?", "");
    const { encode } = createTokenizer(split(source));
    expect(createTokenizer(split(source)).encode("a".repeat(5000)).length).toBeGreaterThan(0);
    expect(encode).toBeDefined();
  });

  test.each([
    ["(a*)*b", "repeated parts that match something, got one that may match nothing"],
    ["(a|b*)+", "repeated parts that match something"],
    ["(?:(?=a))*b", "repeated parts that match something"],
    ["(a{1,100}){1,100}b", "a pattern of at most 2000 steps"],
    [`a{${10 ** 9}}b+c`, "a pattern of at most 2000 steps"],
    [`${"(".repeat(500)}a${")".repeat(500)}`, "at most 50 groups in each other"],
    ["a".repeat(20_000), "a pattern of at most 10000 characters"],
  ])("%s is refused", (pattern, message) => {
    const refused = (): unknown => createTokenizer(split(pattern));
    expect(refused).toThrow(TokenizerError);
    expect(refused).toThrow(message);
  });

  test("a pattern that takes too many steps on a text ends in words", () => {
    const tokenizer = createTokenizer(split(`(?:${"a?".repeat(400)}b)+c`));
    expect(() => tokenizer.encode("a".repeat(100_000))).toThrow(
      "text: expected a pattern of at most 200 steps for each character, got more on 100000 characters",
    );
  });
});
