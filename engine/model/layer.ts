/**
 * One decoder layer: two norms, two blocks, two residual additions, and IndexShare.
 *
 * Next: moe.ts
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type { LayerCache } from "../kv/model-cache.ts";
import type { RopeTable } from "../numbers/rope-table.ts";
import type { Ops } from "../ops/ops.ts";
import type { Tap } from "../tap.ts";
import { type Indices, ShapeError, type Tensor } from "../tensor.ts";
import { attention, queryLatent } from "./attention.ts";
import { indexer } from "./indexer.ts";
import { mlp } from "./mlp.ts";
import { moe } from "./moe.ts";
import type { FfnWeights, LayerWeights } from "./weights.ts";

/** What one layer hands to the next. */
export interface LayerState {
  readonly h: Tensor<["T", "hidden"]>;
  /** Rows chosen by the last full layer of this step. */
  readonly topK: Indices<["T", "K"]>;
}

/** What comes into a layer: before the first full one, nothing has been chosen. */
export type LayerInput = Omit<LayerState, "topK"> & Partial<LayerState>;

/**
 * One layer of the residual stream.
 *
 * IndexShare: a full layer computes the top-k; the shared layers after it attend to the same
 * positions with their own queries, keys and values. The choice is made anew in every step, so it
 * travels through the layers as a value and is kept nowhere.
 *
 * @param start absolute position of row 0 of `input.h`
 * @see IndexCache, arXiv 2603.12201 · HF `GlmMoeDsaDecoderLayer.forward`
 */
export function decoderLayer(
  ops: Ops,
  cfg: ModelConfig,
  w: LayerWeights,
  input: LayerInput,
  rope: RopeTable,
  start: number,
  cache: LayerCache,
  tap: Tap,
): LayerState {
  const { h } = input;
  const x = tap("attn_norm", ops.rmsNorm(h, w.inputNorm, cfg.rmsNormEps));
  const qr = queryLatent(ops, cfg, w.attn, x, tap);
  const chosen = w.indexer
    ? indexer(ops, cfg, w.indexer, x, qr, rope, start, cache.index, tap)
    : input.topK;
  if (!chosen) throw new ShapeError("a shared layer needs the top-k of a full layer before it");
  const topK = tap("top_k", chosen);

  const o = attention(ops, cfg, w.attn, x, qr, rope, start, cache.latent, topK, tap);
  const afterAttention = tap("ffn_inp", ops.add(h, o));

  const m = tap("ffn_norm", ops.rmsNorm(afterAttention, w.postAttentionNorm, cfg.rmsNormEps));
  const f = tap("ffn_out", ffn(ops, cfg, w.ffn, m, tap));
  return { h: tap("l_out", ops.add(afterAttention, f)), topK };
}

function ffn(
  ops: Ops,
  cfg: ModelConfig,
  w: FfnWeights,
  x: Tensor<["T", "hidden"]>,
  tap: Tap,
): Tensor<["T", "hidden"]> {
  switch (w.kind) {
    case "dense":
      return mlp(ops, w, x);
    case "sparse":
      return moe(ops, cfg, w, x, tap);
    default:
      return w satisfies never;
  }
}
