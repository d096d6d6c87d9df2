/**
 * Tests that the model computes the same bits, however the tokens are cut into steps: in every
 * stage of every layer, in the logits, and in the caches. The texts are longer than index_topk, so
 * that rows are dropped (G22, G23, G24).
 */

import { describe, expect, test } from "vitest";
import { noTaps } from "../../../engine/base/tap.ts";
import { newModelCache } from "../../../engine/kv/model-cache.ts";
import { forward, type Model } from "../../../engine/model/model.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { firstOtherBits } from "../../support/compare.ts";
import { randomTokens } from "../../support/random.ts";
import { runAll, stage } from "../../support/run.ts";
import { cachedNumbers } from "../../support/stored.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { BACKENDS } from "../ops/backends.ts";

const N = 70;
const tokens = randomTokens(N, 32, 7);

for (const { name, ops } of BACKENDS) {
  describe(`prefill of ${N} tokens at index_topk 5 (${name})`, () => {
    const model = tinyModel({}, ops);
    const inOneStep = runAll(model, tokens, { chunk: N });

    test.each([1, 3, 7, 64])("steps of %d give the bits of one step, in every stage", (chunk) => {
      expect(firstOtherBits(runAll(model, tokens, { chunk }), inOneStep)).toBeUndefined();
    });

    test.each([1, 3, 7, 64])("steps of %d leave the caches of one step, bit for bit", (chunk) => {
      expect(cachesAfter(ops, chunk)).toEqual(cachesAfter(ops, N));
    });

    test("rows are dropped: the last query sees 5 of 70", () => {
      const topK = stage(inOneStep, "top_k-0");
      expect(topK.length).toBe(N * 5);
      expect(Math.min(...topK.slice(-5))).toBeGreaterThanOrEqual(0);
    });

    test("another gain of the last norm is seen, and named", () => {
      const other = tinyModel({}, ops, 2);
      const wrong: Model = { ...model, weights: { ...model.weights, norm: other.weights.norm } };
      expect(firstOtherBits(runAll(wrong, tokens), inOneStep)).toBe("result_norm");
    });

    test("a sentence run twice gives the same bits (no state is left behind)", () => {
      expect(firstOtherBits(runAll(model, tokens, { chunk: N }), inOneStep)).toBeUndefined();
    });
  });
}

describe("decoding after a prefill", () => {
  const { ops } = BACKENDS[0];
  const model = tinyModel({}, ops);

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    "prefill %d tokens, decode the rest one by one: the logits of one step, bit for bit (G22, G30)",
    (n) => {
      const text = tokens.slice(0, 14);
      const whole = stage(runAll(model, text, { chunk: 14 }), "logits");
      const cache = newModelCache(ops, model.config);
      const hidden = [
        forward(model, Int32Array.from(text.slice(0, n)), positionsFrom(0, n), cache, noTaps),
      ];
      for (let t = n; t < text.length; t++) {
        hidden.push(forward(model, Int32Array.of(text[t]), Int32Array.of(t), cache, noTaps));
      }
      const logits = hidden.flatMap((h) => [...ops.read(ops.linear(h, model.weights.lmHead))]);
      expect(logits).toEqual([...whole]);
    },
  );
});

/** The numbers in all caches after a prefill. */
function cachesAfter(ops: Ops, chunk: number): number[][] {
  const model = tinyModel({}, ops);
  const cache = newModelCache(ops, model.config);
  for (let from = 0; from < N; from += chunk) {
    const part = Int32Array.from(tokens.slice(from, from + chunk));
    forward(model, part, positionsFrom(from, part.length), cache, noTaps);
  }
  return cachedNumbers(cache);
}
