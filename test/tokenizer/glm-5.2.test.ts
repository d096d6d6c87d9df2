import { Tokenizer as Oracle } from "@huggingface/tokenizers";
import { beforeAll, describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer, TokenizerError } from "../../tokenizer/index.ts";
import { GLM_5_2, readText, readUdhr, title } from "./families.ts";
import { randomText, seeded, throughUtf8 } from "./random-text.ts";

const { GLM52_FULL } = process.env;

/** Ids made with the Rust library `tokenizers`. */
const GOLDEN: readonly (readonly [text: string, ids: string])[] = [
  ["The capital of France is", "785 6722 315 9621 374"],
  [" Paris", "12089"],
  ["Hello, world!", "9703 11 1879 0"],
  ["1234567", "108714 100461 21 22"],
  ["456", "100461 21"],
  ["你好，世界！", "109377 3837 99011 6313"],
  ["🦙", "9281 99 247"],
  [" 王", "102322"],
  ["\r\n", "319"],
  ["x \n y", "87 715 379"],
  ["hi/nothink", "6023 154851"],
  ["<think>\n</think>", "154841 198 154842"],
  ["Reasoning Effort: Max", "25062 287 29905 371 25 7487"],
  ["Reasoning Effort: High", "25062 287 29905 371 25 5124"],
  [
    "[gMASK]<sop><|system|>Reasoning Effort: Max<|user|>hi<|assistant|><think>",
    "154822 154824 154826 25062 287 29905 371 25 7487 154827 6023 154828 154841",
  ],
  ["", ""],
];

/** Contexts of a code point, `X`. In each, another branch of the pattern decides about it. */
const CONTEXTS = ["X", "aXb", " X", "  X ", "1X1", "X'd", "!X!", "\nX\n"];
const SWEEP_TIMEOUT = 900_000; // ms; all 1,112,064 take 150 s of an idle core, mostly the oracle
/**
 * Code points below the CJK blocks, then every 61st, so that no larger block is missed, and every 997th of
 * the planes that have no characters; or all.
 */
const isSwept = (c: number) =>
  GLM52_FULL === "1" || c < 0x3400 || c % (isEmptyPlane(c) ? 997 : 61) === 0;
const isEmptyPlane = (c: number) => c >= 0x40000 && c >> 16 !== 14;

describe.skipIf(GLM_5_2.skip !== undefined)(title(GLM_5_2), () => {
  let tokenizer: Tokenizer;
  let oracle: Oracle;
  let ordinaryOracle: Oracle;
  beforeAll(() => {
    const json = JSON.parse(readText(GLM_5_2));
    tokenizer = createTokenizer(json, { paddedVocabSize: 154_880, eosIds: [154_820] });
    oracle = new Oracle(json, {});
    ordinaryOracle = new Oracle({ ...json, added_tokens: [] }, {});
  });

  test.each(GOLDEN)("%j is %s", (text, ids) => {
    expect(tokenizer.encode(text).join(" ")).toBe(ids);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  test("the ids are ranks: merges derived from them make the same ids as those of the file", () => {
    const json = JSON.parse(readText(GLM_5_2));
    const ranks = createTokenizer(
      { ...json, model: { ...json.model, merges: [] } },
      { mergesFrom: "ranks" },
    );
    const random = seeded(57);
    for (let i = 0; i < 1000; i++) {
      const text = randomText(random, 60, []);
      expect(ranks.encode(text).join()).toBe(tokenizer.encode(text).join());
    }
    for (const text of readUdhr(500)) {
      expect(ranks.encode(text).join()).toBe(tokenizer.encode(text).join());
    }
  });

  test("has 154,856 tokens in 154,880 rows; the 24 rows between are silent", () => {
    expect([tokenizer.vocabSize, tokenizer.paddedVocabSize]).toEqual([154_856, 154_880]);
    expect(tokenizer.decode([785, 154_856, 154_879])).toBe("The");
    expect(() => tokenizer.decode([154_880])).toThrow(
      new TokenizerError("id", "an id in 0..154879", "154880"),
    );
  });

  test("skips the 18 special tokens, not the think and tool tags", () => {
    const all = tokenizer.addedTokens.map(({ id }) => id);
    const shown = tokenizer.addedTokens.filter(({ id }) => id > 154_837);
    expect(shown).toHaveLength(18);
    expect(tokenizer.decode(all, { skipSpecial: true })).toBe(
      shown.map(({ content }) => content).join(""),
    );
  });

  /** The texts of all tokens that are whole UTF-8, in one piece. */
  function* wholeTexts(): Generator<[id: number, text: string]> {
    for (let id = 0; id < 154_820; id++) {
      const text = tokenizer.decode([id]);
      const isWhole = Buffer.from(text).equals(tokenizer.tokenBytes(id));
      if (isWhole && tokenizer.pieces(text).length === 1) yield [id, text];
    }
  }

  test("153,458 tokens are whole UTF-8 in one piece, each is the encoding of its text, and 893 of them are out of reach of the merges alone", () => {
    const json = JSON.parse(readText(GLM_5_2));
    json.model.ignore_merges = false;
    const mergesOnly = createTokenizer(json);
    let [reached, outOfReach] = [0, 0];
    const notReached: number[] = [];
    for (const [id, text] of wholeTexts()) {
      if (tokenizer.encode(text).join() === String(id)) reached++;
      else notReached.push(id);
      if (mergesOnly.encode(text).length > 1) outOfReach++;
    }
    expect(notReached).toEqual([]);
    expect([reached, outOfReach]).toEqual([153_458, 893]);
  });

  test(
    `${GLM52_FULL === "1" ? "every code point" : "sampled code points"} in 8 contexts`,
    () => {
      for (let c = 0; c < 0x110000; c++) {
        const isSurrogate = c >= 0xd800 && c <= 0xdfff;
        if (isSurrogate || !isSwept(c)) continue;
        // A control token between the contexts keeps each from seeing the next.
        const text = CONTEXTS.join("<sop>").replaceAll("X", () => String.fromCodePoint(c));
        const ids = tokenizer.encode(text).join();
        const expected = oracle.encode(text).ids.join();
        if (ids !== expected) expect({ text, ids }).toEqual({ text, ids: expected });
      }
    },
    SWEEP_TIMEOUT,
  );

  test("encodeOrdinary is encode for a file without added tokens", () => {
    const random = seeded(55);
    const controls = tokenizer.addedTokens.map(({ content }) => content);
    for (let i = 0; i < 1000; i++) {
      const text = randomText(random, 20, controls);
      const expected = ordinaryOracle.encode(throughUtf8(text)).ids.join();
      expect(tokenizer.encodeOrdinary(text).join()).toBe(expected);
    }
  });

  test("idOf finds control tokens and ordinary ones", () => {
    expect(["<|user|>", " Paris", "no such token"].map((c) => tokenizer.idOf(c))).toEqual([
      154_827,
      12_089,
      undefined,
    ]);
  });
});
