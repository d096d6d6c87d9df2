import { Tokenizer as Oracle } from "@huggingface/tokenizers";
import { beforeAll, describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import { FAMILIES, readStories, readText, readUdhr, title } from "./families.ts";
import { randomText, seeded, throughUtf8 } from "./random-text.ts";

const { GLM52_FULL } = process.env;

/** Texts for each family. The larger number takes minutes. */
const TEXTS = GLM52_FULL ? 100_000 : 1000;
/** Characters of each language. */
const UDHR_LENGTH = GLM52_FULL ? 500 : 200;
const ID_LISTS = 300;

for (const family of FAMILIES) {
  describe.skipIf(family.skip !== undefined)(title(family), () => {
    let tokenizer: Tokenizer;
    let oracle: Oracle;
    let controls: string[];
    let composes: boolean; // Does this family compose accents before it splits?
    beforeAll(() => {
      const json = JSON.parse(readText(family));
      tokenizer = createTokenizer(json);
      oracle = new Oracle(json, {});
      controls = tokenizer.addedTokens.map(({ content }) => content);
      composes = json.normalizer?.type === "NFC";
    });

    test(`${TEXTS} random texts get the ids of @huggingface/tokenizers, and come back`, () => {
      const random = seeded(52);
      for (let i = 0; i < TEXTS; i++) {
        const text = randomText(random, 30, controls);
        const utf8 = throughUtf8(text);
        const ids = [...tokenizer.encode(text)];
        const expected = oracle.encode(utf8, { add_special_tokens: false }).ids;
        // Strings first: comparing so many arrays through expect() takes most of the time.
        if (ids.join() !== expected.join()) expect({ text, ids }).toEqual({ text, ids: expected });

        const back = tokenizer.decode(ids);
        if (composes) expect(back.normalize("NFC")).toBe(utf8.normalize("NFC"));
        else expect(back).toBe(utf8);
      }
    });

    test("texts in some 500 languages get the ids of @huggingface/tokenizers", () => {
      for (const text of readUdhr(UDHR_LENGTH)) {
        const utf8 = throughUtf8(text); // the cut may have halved a character
        const ids = [...tokenizer.encode(text)];
        const expected = oracle.encode(utf8, { add_special_tokens: false }).ids;
        if (ids.join() !== expected.join()) expect({ text, ids }).toEqual({ text, ids: expected });
      }
    });

    test.skipIf(!GLM52_FULL)(
      "10 MB of text in 500 languages get the same ids (skipped without GLM52_FULL=1)",
      () => {
        for (const text of [...readUdhr(Number.POSITIVE_INFINITY), ...readStories(4e6)]) {
          const ids = tokenizer.encode(text);
          const expected = oracle.encode(text, { add_special_tokens: false }).ids;
          if (ids.join() !== expected.join()) expect([...ids]).toEqual(expected);
        }
      },
    );

    test(`${ID_LISTS} random id lists, broken characters included, read alike one by one`, () => {
      const random = seeded(53);
      for (let i = 0; i < ID_LISTS; i++) {
        const ids = Array.from({ length: random(40) }, () => random(tokenizer.vocabSize));
        const whole = tokenizer.decode(ids);
        const stream = tokenizer.decodeStream();
        expect(ids.map((id) => stream.push(id)).join("") + stream.end()).toBe(whole);
        const bytes = Buffer.concat(ids.map((id) => tokenizer.tokenBytes(id)));
        expect(bytes.toString("utf8")).toBe(whole);
      }
    });

    test("ordinary text never becomes a control token", () => {
      const random = seeded(54);
      const control = new Set(tokenizer.addedTokens.map(({ id }) => id));
      for (const text of [controls.join(""), randomText(random, 2000, controls)]) {
        const ids = tokenizer.encodeOrdinary(text);
        expect(ids.filter((id) => control.has(id))).toEqual(new Int32Array());
        const pieces = tokenizer.pieces(text, { isOrdinary: true });
        expect(pieces.flatMap((piece) => piece.ids)).toEqual([...ids]);
      }
    });
  });
}
