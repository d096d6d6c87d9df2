import { describe, expect, test } from "vitest";
import { createTokenizer, TokenizerError } from "../../tokenizer/index.ts";
import { randomText, seeded, throughUtf8 } from "./random-text.ts";
import { tinyJson, UNREACHABLE } from "./tiny.ts";

const tiny = createTokenizer(tinyJson());
const [END, THINK, THINKING] = tiny.addedTokens.map(({ id }) => id);
const spelled = (ids: Iterable<number>) => Array.from(ids, (id) => tiny.decode([id]));

describe("encode", () => {
  test("merges by rank, not from the left", () => {
    expect(spelled(tiny.encode("hello"))).toEqual(["he", "l", "lo"]); // not "hel", "hello"
    expect(spelled(tiny.encode("then inn"))).toEqual(["the", "n", " ", "in", "n"]);
  });

  test("takes the leftmost of equal merges", () => {
    expect(spelled(tiny.encode("aaaaaaa"))).toEqual(["aaaa", "aaa"]);
    expect(spelled(tiny.encode("aaa"))).toEqual(["aaa"]);
  });

  test("falls back to single bytes", () => {
    expect([...tiny.encode("é\u007f")]).toEqual([0xc3, 0xa9, 0x7f]);
  });

  test("takes control tokens leftmost and longest", () => {
    expect([...tiny.encode("<|end|><think>ing<thinking><think>")]).toEqual([
      ...[END, THINKING, ...tiny.encodeOrdinary("<thinking>"), THINK],
    ]);
    expect([...tiny.encode("<<|end|>>")]).toEqual([tiny.idOf("<"), END, tiny.idOf(">")]);
  });

  test("does not take them from ordinary text", () => {
    const ids = tiny.encodeOrdinary("<|end|>");
    expect(spelled(ids)).toEqual(["<", "|", "e", "n", "d", "|", ">"]);
    expect(tiny.decode(ids)).toBe("<|end|>");
  });

  test("stops a piece at a control token", () => {
    expect(tiny.encode("th<|end|>e")).toHaveLength(3);
    expect(tiny.encode("the")).toHaveLength(1);
  });

  test("reads a lone surrogate as U+FFFD, also before a pattern that tells them apart", () => {
    expect(tiny.encode("a\ud83d, \ude00")).toEqual(tiny.encode("a\ufffd, \ufffd"));
    expect(tiny.encode("\ud83d\ude00")).toEqual(tiny.encode("😀"));
  });

  test("takes a whole piece from the vocabulary when ignore_merges says so", () => {
    const json = tinyJson();
    const text = UNREACHABLE.replace("Ġ", " ");
    expect(tiny.encode(text).length).toBeGreaterThan(1);
    json.model.ignore_merges = true;
    const whole = createTokenizer(json);
    expect([...whole.encode(text)]).toEqual([json.model.vocab[UNREACHABLE]]);
    expect(spelled(whole.encode("hello"))).toEqual(["hello"]);
  });

  test('reads merges written "a b" and ["a", "b"] alike', () => {
    const json = tinyJson();
    json.model.merges = json.model.merges.map((pair) => (pair as string[]).join(" "));
    const text = "the theory, hello 你好 123";
    expect(createTokenizer(json).encode(text)).toEqual(tiny.encode(text));
  });

  test("composes accents under NFC and leaves them alone without", () => {
    const json = tinyJson();
    Object.assign(json, { normalizer: { type: "NFC" } });
    const composing = createTokenizer(json);
    expect(composing.encode("e\u0301")).toEqual(composing.encode("é"));
    expect(tiny.encode("e\u0301")).not.toEqual(tiny.encode("é"));
  });

  test("finds normalized control tokens after the normalizer, the others before it", () => {
    const json = tinyJson();
    Object.assign(json, { normalizer: { type: "NFC" } });
    Object.assign(json.added_tokens[0], { content: "<é>", normalized: true });
    Object.assign(json.added_tokens[1], { content: "<ö>" });
    const composing = createTokenizer(json);
    expect([...composing.encode("<e\u0301><é>")]).toEqual([END, END]);
    expect(composing.encode("<o\u0308>")).toHaveLength(4);
    expect([...composing.encode("<ö>")]).toEqual([THINK]);
  });

  test("gives the same ids however much was encoded before", () => {
    const random = seeded(1);
    const texts = Array.from({ length: 300 }, () => randomText(random, 20, ["<|end|>"]));
    const first = texts.map((text) => tiny.encode(text));
    for (let i = 0; i < 70_000; i++) tiny.encode(`w${i}`); // more than two cache generations
    expect(texts.map((text) => tiny.encode(text))).toEqual(first);
  });

  test("ends on a piece of a million letters", () => {
    const text = "hethanlo".repeat(125_000);
    expect(tiny.decode(tiny.encode(text))).toBe(text);
    expect(tiny.encode(text)).toHaveLength(4 * 125_000);
  });
});

describe("pieces", () => {
  test("tile the text and hold the ids of encode", () => {
    const random = seeded(2);
    for (let i = 0; i < 500; i++) {
      const text = throughUtf8(randomText(random, 20, ["<|end|>", "<think>ing"]));
      const pieces = tiny.pieces(text);
      expect(pieces.flatMap((p) => p.ids)).toEqual([...tiny.encode(text)]);
      let end = 0;
      for (const piece of pieces) {
        expect(piece.start).toBe(end);
        expect(piece.text).toBe(text.slice(piece.start, piece.end));
        end = piece.end;
      }
      expect(end).toBe(text.length);
    }
  });

  test("name the control tokens", () => {
    expect(tiny.pieces("the <|end|>")).toEqual([
      { text: "the", start: 0, end: 3, ids: [tiny.idOf("the")], isControl: false },
      { text: " ", start: 3, end: 4, ids: [tiny.idOf(" ")], isControl: false },
      { text: "<|end|>", start: 4, end: 11, ids: [END], isControl: true },
    ]);
  });
});

describe("decode", () => {
  test("is the inverse of encode", () => {
    const random = seeded(3);
    for (let i = 0; i < 2000; i++) {
      const text = throughUtf8(randomText(random, 20, ["<|end|>"]));
      expect(tiny.decode(tiny.encode(text))).toBe(text);
      expect(tiny.decode(tiny.encodeOrdinary(text))).toBe(text);
    }
  });

  test("keeps a byte order mark", () => {
    expect(tiny.decode(tiny.encode("\ufeffa\ufeff"))).toBe("\ufeffa\ufeff");
    const stream = tiny.decodeStream();
    const parts = Array.from(tiny.encode("\ufeffa"), (id) => stream.push(id));
    expect(parts.join("") + stream.end()).toBe("\ufeffa");
  });

  test("skips special tokens when asked, and only those", () => {
    const ids = [END, tiny.idOf("the"), THINK, END].map(Number);
    expect(tiny.decode(ids)).toBe("<|end|>the<think><|end|>");
    expect(tiny.decode(ids, { skipSpecial: true })).toBe("the<think>");
    const stream = tiny.decodeStream({ skipSpecial: true });
    expect(ids.map((id) => stream.push(id))).toEqual(["", "the", "<think>", ""]);
  });

  test("holds a character back until its last byte, and no longer", () => {
    const stream = tiny.decodeStream();
    expect(Array.from(tiny.encode("🦙a"), (id) => stream.push(id))).toEqual([
      "",
      "",
      "",
      "🦙",
      "a",
    ]);
    expect(stream.end()).toBe("");
    expect(Array.from(tiny.encode("你").subarray(0, 1), (id) => stream.push(id))).toEqual(["你"]);
  });

  // One U+FFFD for each maximal subpart, as Unicode's table 3-8 has it.
  test.each([
    ["f0 9f a6", "\ufffd"],
    ["f0 9f a6 41", "\ufffdA"],
    ["61 f1 80 80 e1 80 c2 62 80 63 80 bf 64", "a\ufffd\ufffd\ufffdb\ufffdc\ufffd\ufffdd"],
    ["c0 af e0 80 bf f0 81 82 41", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA"],
    ["ed a0 80 ed bf bf ed af 41", `${"\ufffd".repeat(8)}A`],
    ["f4 91 92 93 ff 41 80 bf 42", `${"\ufffd".repeat(5)}A\ufffd\ufffdB`],
    ["e1 80 e2 f0 91 92 f1 bf 41", `${"\ufffd".repeat(4)}A`],
  ])("reads the broken bytes %s, in one go and one by one", (hex, text) => {
    const ids = hex.split(" ").map((byte) => Number.parseInt(byte, 16));
    expect(tiny.decode(ids)).toBe(text);
    const stream = tiny.decodeStream();
    expect(ids.map((id) => stream.push(id)).join("") + stream.end()).toBe(text);
  });

  test("gives padding rows no text, and refuses ids beyond them", () => {
    const padded = createTokenizer(tinyJson(), { paddedVocabSize: tiny.vocabSize + 2 });
    expect(padded.decode([tiny.vocabSize, Number(END), tiny.vocabSize + 1])).toBe("<|end|>");
    expect(padded.tokenBytes(tiny.vocabSize)).toEqual(new Uint8Array());
    expect(() => padded.decode([tiny.vocabSize + 2])).toThrow(TokenizerError);
  });

  test.each([-1, 1.5, Number.NaN, tiny.vocabSize])("refuses the id %s", (id) => {
    const error = new TokenizerError("id", `an id in 0..${tiny.vocabSize - 1}`, String(id));
    expect(() => tiny.decode([id])).toThrow(error);
    expect(() => tiny.decodeStream().push(id)).toThrow(error);
    expect(() => tiny.tokenBytes(id)).toThrow(error);
  });
});
