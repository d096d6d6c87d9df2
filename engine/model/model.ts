/**
 * The whole forward pass: tokens → embedding → layers → norm → logits.
 *
 * Next: layer.ts
 * @module
 */

import type { Taps } from "../base/tap.ts";
import type { Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { StepCache } from "../kv/step-cache.ts";
import type { Ops } from "../ops/ops.ts";
import { decoderLayer, type LayerInput } from "./layer.ts";
import { stepRope } from "./step.ts";
import type { ModelWeights } from "./weights.ts";

/**
 * A model that can run: its configuration, its weights, and the ops of the backend that runs it.
 */
export interface Model {
  /** The numbers that shape it. */
  readonly config: ModelConfig;
  /** Its parameters, where the backend has placed them. */
  readonly weights: ModelWeights;
  /** The arithmetic; it must be the backend that placed the weights. */
  readonly ops: Ops;
}

/**
 * Runs tokens through all layers, and appends their rows to the cache.
 *
 * @param positions of the tokens; the cache must hold exactly the rows before them
 * @returns the hidden states after `model.norm`, which the head and the MTP layer read
 */
export function forward(
  { ops, config, weights }: Model,
  tokens: Int32Array,
  positions: Int32Array,
  cache: StepCache,
  taps: Taps,
): Tensor<["T", "hidden"]> {
  const shared = { ops, cfg: config, positions, rope: stepRope(ops, config, positions) };
  const mark = ops.mark();
  let state: LayerInput = { h: taps.model("inp_embd", ops.embed(tokens, weights.embedTokens)) };
  let l = 0;
  for (const w of weights.layers) {
    const out = decoderLayer({ ...shared, tap: taps.layer(l) }, w, state, cache.layers[l]);
    // These two tensors are needed by the next layer. The memory of all others is released.
    const [h, topK] = ops.keep(mark, out.h, out.topK);
    state = { h, topK };
    l++;
  }
  return taps.model("result_norm", ops.rmsNorm(state.h, weights.norm, config.rmsNormEps));
}

/**
 * The logits of final hidden states. Padding ids have logits too; the sampler never chooses them.
 */
export function head(
  { ops, weights }: Model,
  hidden: Tensor<["T", "hidden"]>,
  taps: Taps,
): Tensor<["T", "vocab"]> {
  return taps.model("result_output", ops.linear(hidden, weights.lmHead));
}
