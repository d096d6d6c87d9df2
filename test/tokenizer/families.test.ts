import { Tokenizer as Oracle } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { createTokenizer } from "../../tokenizer/index.ts";
import { FAMILIES, readText, title } from "./families.ts";
import { randomText, seeded, throughUtf8 } from "./random-text.ts";

const TEXTS = 3000;

for (const family of FAMILIES) {
  describe.skipIf(family.skip !== undefined)(title(family), () => {
    const json = family.skip === undefined ? JSON.parse(readText(family)) : undefined;
    const tokenizer = json && createTokenizer(json);
    const oracle = json && new Oracle(json, {});
    const controls: string[] =
      tokenizer?.addedTokens.map((t: { content: string }) => t.content) ?? [];

    test(`agrees with @huggingface/tokenizers on ${TEXTS} random texts, there and back`, () => {
      const random = seeded(52);
      for (let i = 0; i < TEXTS; i++) {
        const text = randomText(random, 30, controls);
        const ids = [...tokenizer.encode(text)];
        const wanted = throughUtf8(text);
        const expected = oracle.encode(wanted, { add_special_tokens: false }).ids;
        if (String(ids) !== String(expected))
          expect({ text, ids }).toEqual({ text, ids: expected });

        const back = tokenizer.decode(ids);
        if (json.normalizer === null) expect(back).toBe(wanted);
        else expect(back.normalize("NFC")).toBe(wanted.normalize("NFC"));
      }
    });

    test("reads random ids, broken characters included, alike in one go and one by one", () => {
      const random = seeded(53);
      for (let i = 0; i < 300; i++) {
        const ids = Array.from({ length: random(40) }, () => random(tokenizer.vocabSize));
        const stream = tokenizer.decodeStream();
        const parts = ids.map((id) => stream.push(id));
        const whole = tokenizer.decode(ids);
        expect(parts.join("") + stream.end()).toBe(whole);
        const bytes = Buffer.concat(ids.map((id) => tokenizer.tokenBytes(id)));
        expect(whole).toBe(bytes.toString("utf8"));
      }
    });

    test("never makes a control token of ordinary text", () => {
      const ids = new Set(tokenizer.encodeOrdinary(controls.join(" ")));
      const found = tokenizer.addedTokens.filter((t: { id: number }) => ids.has(t.id));
      expect(found).toEqual([]);
    });
  });
}
