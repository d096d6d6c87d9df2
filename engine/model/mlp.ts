/**
 * SwiGLU: the feed-forward block of dense layers, and of the shared expert.
 *
 * Next: moe.ts
 * @module
 */

import type { Tensor } from "../base/tensor.ts";
import type { Ops } from "../ops/ops.ts";
import type { MlpWeights } from "./weights.ts";

/**
 * `down(silu(gate x) ⊙ up x)`
 *
 * @see Shazeer, GLU Variants Improve Transformer, arXiv 2002.05202
 */
export function mlp<F extends string>(
  ops: Ops,
  w: MlpWeights<F>,
  x: Tensor<["T", "hidden"]>,
): Tensor<["T", "hidden"]> {
  return ops.linear(ops.siluMul(ops.linear(x, w.gate), ops.linear(x, w.up)), w.down);
}
