/**
 * One decoder layer: two norms, two blocks, two residual additions, and IndexShare.
 *
 * Next: mlp.ts, then moe.ts
 * @module
 */

import { type Indices, ShapeError, type Tensor } from "../base/tensor.ts";
import type { LayerCache } from "../kv/step-cache.ts";
import { attention, queryLatent } from "./attention.ts";
import { indexer } from "./indexer.ts";
import { mlp } from "./mlp.ts";
import { moe } from "./moe.ts";
import type { Step } from "./step.ts";
import type { FfnWeights, LayerWeights } from "./weights.ts";

/** What one layer passes to the next. */
export interface LayerState {
  /** The residual stream. */
  readonly h: Tensor<["T", "hidden"]>;
  /** The rows that the last full layer of this step has selected. */
  readonly topK: Indices<["T", "K"]>;
}

/** The input of a layer. Before the first full layer, there is no selection yet. */
export type LayerInput = Omit<LayerState, "topK"> & Partial<LayerState>;

/**
 * Runs one decoder layer.
 *
 * IndexShare: a full layer selects the top-k positions, and the shared layers after it attend to
 * the same positions, with their own queries, keys and values. The selection is made again in every
 * step, so it is passed from layer to layer as a value and is not stored.
 *
 * @see IndexCache, arXiv 2603.12201 · HF `GlmMoeDsaDecoderLayer.forward`
 */
export function decoderLayer(
  step: Step,
  w: LayerWeights,
  input: LayerInput,
  cache: LayerCache,
): LayerState {
  const { ops, cfg, tap } = step;
  const { h } = input;
  const x = tap("attn_norm", ops.rmsNorm(h, w.inputNorm, cfg.rmsNormEps));
  const qr = queryLatent(step, w.attn, x);
  const chosen = w.indexer ? indexer(step, w.indexer, x, qr, cache.index) : input.topK;
  if (!chosen) throw new ShapeError("a shared layer needs the top-k of a full layer before it");
  const topK = tap("top_k", chosen);

  const o = attention(step, w.attn, x, qr, cache.latent, topK);
  const afterAttention = tap("ffn_inp", ops.add(h, o));

  const m = tap("ffn_norm", ops.rmsNorm(afterAttention, w.postAttentionNorm, cfg.rmsNormEps));
  const f = tap("ffn_out", ffn(step, w.ffn, m));
  return { h: tap("l_out", ops.add(afterAttention, f)), topK };
}

/** The feed-forward block: dense, or a mixture of experts. */
function ffn(step: Step, w: FfnWeights, x: Tensor<["T", "hidden"]>): Tensor<["T", "hidden"]> {
  switch (w.kind) {
    case "dense":
      return mlp(step.ops, w, x);
    case "sparse":
      return moe(step, w, x);
    default:
      return w satisfies never;
  }
}
