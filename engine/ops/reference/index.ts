import type { Precision } from "../../rope-table.ts";
import type { Ops } from "../ops.ts";
import { add } from "./add.ts";
import { embed } from "./embed.ts";
import { experts } from "./experts.ts";
import { indexScores } from "./index-scores.ts";
import { latentAttention } from "./latent-attention.ts";
import { layerNorm } from "./layer-norm.ts";
import { linear } from "./linear.ts";
import { referenceMemory } from "./memory.ts";
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
 */
export function referenceOps(precision: Precision = "f32"): Ops {
  return {
    backend: "reference",
    precision,
    ...referenceMemory(precision),
    embed,
    linear,
    perHead,
    rmsNorm,
    layerNorm,
    ropeInterleaved,
    indexScores,
    topK,
    latentAttention,
    route,
    experts,
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
