import { describe, expect, test } from "vitest";
import { createTokenizer, TokenizerError } from "../../tokenizer/index.ts";
import { type TinyJson, tinyJson } from "./tiny.ts";

const SPLIT = { type: "Split", behavior: "Isolated", invert: false };
const BYTES = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

/** A change to the tiny file, and the message it must give. */
type Case = readonly [spoil: (json: TinyJson) => unknown, message: string];

const CASES: readonly Case[] = [
  [(j) => Object.assign(j, { version: "2.0" }), 'version: expected "1.0", got "2.0"'],
  [
    (j) => Object.assign(j, { padding: "longest" }),
    'padding: expected null or an object, got "longest"',
  ],
  [(j) => Object.assign(j, { extra: 1 }), "extra: expected no such key, got 1"],
  [(j) => Object.assign(j, { model: null }), "model: expected an object, got null"],
  [(j) => Object.assign(j.model, { type: "Unigram" }), 'model.type: expected "BPE", got "Unigram"'],
  [
    (j) => Object.assign(j.model, { dropout: 0.1 }),
    "model.dropout: expected null: encoding is deterministic, got 0.1",
  ],
  [
    (j) => Object.assign(j.model, { byte_fallback: true }),
    "model.byte_fallback: expected false: the alphabet is bytes, got true",
  ],
  [
    (j) => Object.assign(j.model, { ignore_merges: "yes" }),
    'model.ignore_merges: expected a boolean, got "yes"',
  ],
  [(j) => Object.assign(j.model, { vocab: [] }), "model.vocab: expected an object, got []"],
  [(j) => Object.assign(j.model.vocab, { the: -1 }), 'model.vocab["the"]: expected an id, got -1'],
  [
    (j) => Object.assign(j.model.vocab, { the: 0 }),
    'model.vocab["the"]: expected an id of its own, got 0, the id of "Ā"',
  ],
  [
    (j) => Object.assign(j.model.vocab, { Ā: 9999 }),
    "model.vocab: expected a token for id 0, got none",
  ],
  [
    (j) => {
      const { Ċ: id, ...others } = j.model.vocab;
      j.model.vocab = { ...others, qq: id };
    },
    'model.vocab: expected a token "Ċ" for byte 10, got none',
  ],
  [
    (j) => j.model.merges.push("the re is"),
    'model.merges[23]: expected two tokens, ["a", "b"] or "a b", got "the re is"',
  ],
  [
    (j) => j.model.merges.push(["q", 1]),
    'model.merges[23]: expected two tokens, ["a", "b"] or "a b", got ["q",1]',
  ],
  [(j) => j.model.merges.push(["q", "u"]), 'model.merges[23]: expected known tokens, got "qu"'],
  [
    (j) => j.model.merges.push(["t", "h"]),
    'model.merges[23]: expected each pair once, got ["t","h"]',
  ],
  [
    (j) => Object.assign(j.added_tokens[1], { lstrip: true }),
    "added_tokens[1].lstrip: expected false (not supported), got true",
  ],
  [
    (j) => Object.assign(j.added_tokens[1], { content: "" }),
    'added_tokens[1].content: expected a non-empty string, got ""',
  ],
  [
    (j) => Object.assign(j.added_tokens[1], { content: "<|end|>" }),
    'added_tokens[1].content: expected a content of its own, got "<|end|>"',
  ],
  [
    (j) => Object.assign(j.added_tokens[1], { id: 7 }),
    'added_tokens[1].id: expected an id of its own, got 7, the id of "ć"',
  ],
  [
    (j) => Object.assign(j.added_tokens[1], { content: "the", id: 7 }),
    "added_tokens[1].id: expected 263, got 7",
  ],
  [
    (j) => Object.assign(j, { normalizer: { type: "Lowercase" } }),
    'normalizer.type: expected "NFC" or "Sequence", got "Lowercase"',
  ],
  [
    (j) => Object.assign(j, { normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }] } }),
    'normalizer.normalizers[0].type: expected "NFC" or "Sequence", got "NFKC"',
  ],
  [
    (j) => Object.assign(j, { pre_tokenizer: { type: "Metaspace" } }),
    'pre_tokenizer.type: expected "Sequence" or "ByteLevel", got "Metaspace"',
  ],
  [
    (j) => Object.assign(j, { pre_tokenizer: { type: "Sequence", pretokenizers: [] } }),
    "pre_tokenizer: expected a last ByteLevel stage, got no stage",
  ],
  [
    (j) => stages(j, { ...SPLIT, pattern: { Regex: "a" } }),
    'pre_tokenizer.pretokenizers[0].type: expected "ByteLevel", got "Split"',
  ],
  [
    (j) => stages(j, { ...SPLIT, pattern: { Regex: "a" }, behavior: "Removed" }, BYTES),
    'pre_tokenizer.pretokenizers[0].behavior: expected "Isolated", got "Removed"',
  ],
  [
    (j) => stages(j, { ...SPLIT, pattern: { String: "a" } }, BYTES),
    "pre_tokenizer.pretokenizers[0].pattern.Regex: expected a string, got nothing",
  ],
  [
    (j) => stages(j, { ...SPLIT, pattern: { Regex: "a++" } }, BYTES),
    'pre_tokenizer.pretokenizers[0].pattern.Regex: expected a pattern of the known constructs, got a bare + in "a++"',
  ],
  [
    (j) => stages(j, { ...BYTES, add_prefix_space: true }),
    "pre_tokenizer.pretokenizers[0].add_prefix_space: expected false (not supported), got true",
  ],
  [
    (j) => Object.assign(j, { post_processor: { type: "BertProcessing" } }),
    'post_processor.type: expected "ByteLevel", "TemplateProcessing" or "Sequence", got "BertProcessing"',
  ],
  [
    (j) => Object.assign(j, { decoder: { type: "WordPiece" } }),
    'decoder.type: expected "ByteLevel", got "WordPiece"',
  ],
  [(j) => Object.assign(j, { decoder: null }), "decoder: expected an object, got null"],
];

function stages(json: TinyJson, ...pretokenizers: readonly unknown[]) {
  return Object.assign(json, { pre_tokenizer: { type: "Sequence", pretokenizers } });
}

describe("a spoiled tokenizer.json is refused, naming the field", () => {
  test.each(CASES.map(([spoil, message]) => [message, spoil] as const))("%s", (message, spoil) => {
    const json = tinyJson();
    spoil(json);
    const error = errorOf(() => createTokenizer(json));
    expect(error).toBeInstanceOf(TokenizerError);
    expect(error.message).toBe(`tokenizer.json: ${message}`);
  });

  test.each(["", "{", "[1", '{"model": {"vocab": {"a"'])("the truncated text %j", (text) => {
    const error = errorOf(() => createTokenizer(text));
    expect(error).toBeInstanceOf(TokenizerError);
    expect(error.message).toMatch(/^tokenizer.json: expected a complete JSON text, got \d+ char/);
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  test("a whole text that is no object", () => {
    const error = new TokenizerError("tokenizer.json", "an object", "[]");
    expect(() => createTokenizer("[]")).toThrow(error);
  });

  test("any text cut off before its end", () => {
    const text = JSON.stringify(tinyJson());
    for (let end = 0; end < text.length; end += 97) {
      expect(() => createTokenizer(text.slice(0, end))).toThrow(TokenizerError);
    }
    expect(createTokenizer(text).vocabSize).toBe(283);
  });

  test("an error carries its parts", () => {
    expect(errorOf(() => createTokenizer({ version: 2 }))).toMatchObject({
      name: "TokenizerError",
      where: "tokenizer.json: version",
      expected: '"1.0"',
      got: "2",
    });
  });
});

describe("options", () => {
  test("a padded size below the vocabulary is refused", () => {
    const error = new TokenizerError("paddedVocabSize", "at least 283", "282");
    expect(() => createTokenizer(tinyJson(), { paddedVocabSize: 282 })).toThrow(error);
  });

  test("an end id that is no token is refused", () => {
    const error = new TokenizerError("eosIds[1]", "an id in 0..282", "283");
    expect(() => createTokenizer(tinyJson(), { eosIds: [280, 283] })).toThrow(error);
  });
});

describe("post-processors", () => {
  const template = (id: string, ids: readonly number[]) => ({
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { [id]: { id, ids, tokens: [id] } },
  });

  test("give their fixed ids apart, and encode does not add them", () => {
    const json = tinyJson();
    Object.assign(json, {
      post_processor: {
        type: "Sequence",
        processors: [{ type: "ByteLevel" }, template("a", [1]), template("b", [2, 3])],
      },
    });
    const tokenizer = createTokenizer(json);
    expect(tokenizer.prefixIds).toEqual([2, 3, 1]);
    expect(tokenizer.suffixIds).toEqual([]);
    expect([...tokenizer.encode("the")]).toEqual([tokenizer.idOf("the")]);
  });
});

function errorOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("what transformers leaves in the file and sets anew for each call", () => {
  const why = "left by whoever saved the file; HF transformers sets it anew for each call";
  test.each([
    [{ padding: { strategy: "BatchLongest" } }, ["tokenizer.json: padding"]],
    [{ truncation: { max_length: 3 } }, ["tokenizer.json: truncation"]],
    [{ padding: null, truncation: null }, []],
  ])("%j is left aside, and listed", (extra, asides) => {
    const plain = createTokenizer(tinyJson());
    const tokenizer = createTokenizer({ ...tinyJson(), ...extra });
    expect(tokenizer.encode("hi there, hi")).toEqual(plain.encode("hi there, hi"));
    expect(tokenizer.asides).toEqual(asides.map((what) => ({ what, why })));
  });
});

describe("a key that is there twice, of which JSON.parse keeps one", () => {
  const text = JSON.stringify(tinyJson());
  test.each([
    ['"version":', '"version":"1.0","version":', "version"],
    ['"vocab":{', '"vocab":{"zz":1,"zz":2,', "zz"],
    ['"vocab":{', '"vocab":{"\\u007az":1,"zz":2,', "zz"],
    ['"vocab":{', '"vocab":{"__proto__":1,"__proto__":2,', "__proto__"],
    ['"type":"ByteLevel"', '"type":"ByteLevel" , "type" : "ByteLevel"', "type"],
    ['"special":true', '"special":false,"special":true', "special"],
  ])("%s → %s", (from, to, key) => {
    expect(text).toContain(from);
    expect(() => createTokenizer(text.replace(from, to))).toThrow(
      `tokenizer.json: expected each key once in its object, got "${key}" twice`,
    );
  });

  test("but a key may be in two objects, and a value may look like one", () => {
    expect(text.match(/"type":/g)?.length).toBeGreaterThan(1);
    const spoken = text.replace('"vocab":{', '"vocab":{"\\"x\\":":0,');
    expect(() => createTokenizer(spoken)).not.toThrow("twice");
  });
});
