/** Bugs of loading: fp8 weights read as what they are not. */
import type { LayerWeights } from "../../../engine/model/weights.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";
import { quantizeBlocks } from "../../../engine/weights/quantize.ts";
import type { Mutant } from "./mutant.ts";

/** A layer whose indexer has its head weights in fp8. */
function withFp8HeadWeights(ops: Ops, layer: LayerWeights): LayerWeights {
  const { indexer } = layer;
  if (!indexer) return layer;
  const { dims, shape } = indexer.weightsProj;
  const raw = quantizeBlocks(...shape, Float32Array.from(floatsOf(indexer.weightsProj)));
  const weightsProj = ops.place<typeof dims>(dims, shape, raw);
  return { ...layer, indexer: { ...indexer, weightsProj } };
}

export const weightMutants: readonly Mutant[] = [
  {
    bug: "G06",
    what: "weights_proj is quantised to fp8, since the list protects indexers_proj",
    golden: "fp8-blocks",
    stage: "indexer_score-0",
    change: (right) => ({
      ...right,
      weights: {
        ...right.weights,
        layers: [...right.weights.layers].map((layer) => withFp8HeadWeights(right.ops, layer)),
      },
    }),
  },
  {
    bug: "G09",
    what: "fp8 blocks are of equal size, not of 128 with smaller ones at the edges",
    golden: "fp8-blocks",
    stage: "qr-0",
    change: (right) => (right.misread ? { ...right, weights: right.misread } : right),
  },
];
