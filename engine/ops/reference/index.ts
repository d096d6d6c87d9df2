import type { Dims, Tensor, Weight } from "../../base/tensor.ts";
import type { Precision } from "../../numbers/rope-table.ts";
import type { Activations, Ops } from "../ops.ts";
import { add } from "./add.ts";
import { embed } from "./embed.ts";
import { experts } from "./experts.ts";
import { indexScores } from "./index-scores.ts";
import { int8Rows } from "./int8-rows.ts";
import { latentAttention } from "./latent-attention.ts";
import { layerNorm } from "./layer-norm.ts";
import { linear } from "./linear.ts";
import { isGrouped, referenceMemory } from "./memory.ts";
import { perHead } from "./per-head.ts";
import { rmsNorm } from "./rms-norm.ts";
import { ropeInterleaved } from "./rope-interleaved.ts";
import { route } from "./route.ts";
import { siluMul } from "./silu-mul.ts";
import { topK } from "./top-k.ts";
import { join, joinEach, joinHeads, slice, split, splitEach, splitHeads } from "./wiring.ts";

/**
 * The specification: plain loops, f64 sums, one rounding on each store, no cleverness.
 *
 * @param precision how results are stored: f32 for the model, f64 for an oracle of the f32 run
 * @param activations what products with weights in groups see of activations
 */
export function referenceOps(precision: Precision = "f32", activations: Activations = "f32"): Ops {
  const seen = <D extends Dims>(x: Tensor<D>, w: Weight): Tensor<D> =>
    activations === "int8" && isGrouped(w) ? int8Rows(x) : x;
  return {
    backend: "reference",
    precision,
    activations,
    ...referenceMemory(precision),
    embed,
    linear: (x, w) => linear(seen(x, w), w, x.data),
    perHead: (x, w) => perHead(seen(x, w), w, x.data),
    rmsNorm,
    layerNorm,
    ropeInterleaved,
    indexScores,
    topK,
    latentAttention,
    route,
    experts: (x, routing, bank) => experts(x, routing, bank, seen),
    siluMul,
    add,
    split,
    splitEach,
    join,
    joinEach,
    splitHeads,
    joinHeads,
    slice,
  };
}
