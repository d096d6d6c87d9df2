/** Tests that a shared layer attends to exactly the rows of the last full layer in its step. */

import { describe, expect, test } from "vitest";
import { newTap, noTaps, type Taps } from "../../../engine/base/tap.ts";
import type { Indices } from "../../../engine/base/tensor.ts";
import { newModelCache } from "../../../engine/kv/model-cache.ts";
import { forward, type Model } from "../../../engine/model/model.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { randomTokens } from "../../support/random.ts";
import { runAll, stage } from "../../support/run.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";

const tokens = randomTokens(30, 32, 5);

/** The model with an indexer in every layer; those of shared layers copy the top-k before them. */
function copying(model: Model): Model {
  const { config, weights } = model;
  let call = 0;
  let last: unknown;
  const topK: Ops["topK"] = (scores, k) => {
    const type = config.indexerTypes[call++ % config.indexerTypes.length];
    const chosen = model.ops.topK(scores, k);
    if (type === "shared") return { ...chosen, data: (last as typeof chosen).data.slice() };
    last = chosen;
    return chosen;
  };
  const layers = [...weights.layers];
  const [{ indexer }] = layers;
  return {
    ops: { ...model.ops, topK },
    config: { ...config, indexerTypes: config.indexerTypes.map(() => "full" as const) },
    weights: {
      ...weights,
      layers: layers.map((layer) => ({ ...layer, indexer: layer.indexer ?? indexer })),
    },
  };
}

for (const { name, ops } of REFERENCES) {
  describe(`IndexShare (${name})`, () => {
    const model = tinyModel({}, ops);

    test.each([1, 7, 30])(
      "borrowing = copying the full layer's top-k, in steps of %d, bit for bit",
      (chunk) => {
        const borrowed = runAll(model, tokens, { chunk });
        const copied = runAll(copying(model), tokens, { chunk });
        for (const layer of ["attn_out-2", "attn_out-4"]) {
          expect(stage(copied, layer)).toEqual(stage(borrowed, layer));
        }
        expect(stage(copied, "logits")).toEqual(stage(borrowed, "logits"));
      },
    );

    test("layers 2 and 4 receive the very array that layers 1 and 3 chose", () => {
      const seen: Indices[] = [];
      const taps: Taps = {
        ...noTaps,
        layer: (l) =>
          newTap((name, value) => {
            if (name === "top_k") seen[l] = value as Indices;
          }),
      };
      const cache = newModelCache(ops, model.config);
      forward(model, Int32Array.from(tokens), positionsFrom(0, tokens.length), cache, taps);
      expect(seen[2].data).toBe(seen[1].data);
      expect(seen[4].data).toBe(seen[3].data);
      expect(seen[1].data).not.toEqual(seen[0].data);
      expect(seen[3].data).not.toEqual(seen[1].data);
    });

    test("the two full layers 1 and 3 choose different rows, so which one is borrowed matters", () => {
      const run = runAll(model, tokens);
      expect(stage(run, "top_k-1")).not.toEqual(stage(run, "top_k-3"));
    });

    test("a shared layer with no full layer before it is refused", () => {
      const [first, ...rest] = model.weights.layers;
      const layers = [{ ...first, indexer: undefined }, ...rest];
      const headless: Model = { ...model, weights: { ...model.weights, layers } };
      expect(() => runAll(headless, tokens)).toThrow(
        "a shared layer needs the top-k of a full layer before it",
      );
    });

    test("a full layer without a cache for its keys is refused", () => {
      const indexerTypes = model.config.indexerTypes.map((_, l) => (l === 0 ? "full" : "shared"));
      const wrong: Model = { ...model, config: { ...model.config, indexerTypes } };
      expect(() => runAll(wrong, tokens)).toThrow("a full layer needs a cache for its index keys");
    });
  });
}
