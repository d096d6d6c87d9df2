/**
 * The whole forward pass: tokens → embedding → layers → norm → logits.
 *
 * Next: layer.ts
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type { ModelCache } from "../kv/model-cache.ts";
import type { Ops } from "../ops/ops.ts";
import type { Taps } from "../tap.ts";
import type { Tensor } from "../tensor.ts";
import { decoderLayer, type LayerInput } from "./layer.ts";
import { stepRope } from "./step.ts";
import type { ModelWeights } from "./weights.ts";

/** A model that can run: its configuration, its placed weights, the arithmetic to run them with. */
export interface Model {
  /** The numbers that shape it. */
  readonly config: ModelConfig;
  /** Its parameters, where the backend has placed them. */
  readonly weights: ModelWeights;
  /** The arithmetic; it must be the backend that placed the weights. */
  readonly ops: Ops;
}

/**
 * Runs tokens through all layers and appends their rows to the cache.
 *
 * @param start position of the first token; the cache holds exactly the rows before it
 * @returns the final hidden states after `model.norm`: what the head reads, and the MTP layer too
 */
export function forward(
  { ops, config, weights }: Model,
  tokens: Int32Array,
  start: number,
  cache: ModelCache,
  taps: Taps,
): Tensor<["T", "hidden"]> {
  const shared = { ops, cfg: config, start, rope: stepRope(ops, config, start, tokens.length) };
  const mark = ops.mark();
  let state: LayerInput = { h: taps.model("inp_embd", ops.embed(tokens, weights.embedTokens)) };
  weights.layers.forEach((w, l) => {
    const out = decoderLayer({ ...shared, tap: taps.layer(l) }, w, state, cache.layers[l]);
    // Everything else the layer made may go; these two outlive it.
    const [h, topK] = ops.keep(mark, out.h, out.topK);
    state = { h, topK };
  });
  return taps.model("result_norm", ops.rmsNorm(state.h, weights.norm, config.rmsNormEps));
}

/** Logits of final hidden states. Not masked: padding ids are the sampler's business. */
export function head(
  { ops, weights }: Model,
  hidden: Tensor<["T", "hidden"]>,
  taps: Taps,
): Tensor<["T", "vocab"]> {
  return taps.model("result_output", ops.linear(hidden, weights.lmHead));
}
