/**
 * Multi-head latent attention (MLA), absorbed form.
 *
 * The cache keeps, for each position, one latent of `kvLora` numbers and one rotary key of `rope`
 * numbers, which all heads share. In GLM-5.2 these are 576 numbers, while keys and values of 64
 * heads would be 32,768. Keys and values are never expanded. Because `qᵀ(W^UK c) = (W^UKᵀ q)ᵀ c`,
 * each head's query is transformed into the latent space once, and is then multiplied with the
 * cached rows as they are. Because `Σ p W^UV c = W^UV Σ p c`, the value projection is applied once,
 * to the sum.
 *
 * Next: indexer.ts
 * @see DeepSeek-V2, arXiv 2405.04434, §2.1 · HF `GlmMoeDsaAttention.forward` (naive form)
 * @module
 */

import type { Indices, Tensor } from "../base/tensor.ts";
import type { LatentStore } from "../kv/step-cache.ts";
import type { Step } from "./step.ts";
import type { AttentionWeights } from "./weights.ts";

/**
 * The query latent after its norm. Both the attention and the indexer read it. An indexer that
 * reads it before the norm selects other rows.
 */
export function queryLatent(
  { ops, cfg, tap }: Step,
  w: AttentionWeights,
  x: Tensor<["T", "hidden"]>,
): Tensor<["T", "qLora"]> {
  return tap("qr", ops.rmsNorm(ops.linear(x, w.qAProj), w.qANorm, cfg.latentNormEps));
}

/**
 * Computes what the attention block adds to the residual stream.
 *
 * @param x     the block's input after its norm
 * @param qr    {@link queryLatent} of `x`
 * @param topK  rows that each query may see, from the indexer of this layer or of an earlier one
 * @param cache rows of this layer; the rows of `x` are appended to it, at `step.positions`
 */
export function attention(
  step: Step,
  w: AttentionWeights,
  x: Tensor<["T", "hidden"]>,
  qr: Tensor<["T", "qLora"]>,
  cache: LatentStore,
  topK: Indices<["T", "K"]>,
): Tensor<["T", "hidden"]> {
  const { ops, cfg, positions, rope, tap } = step;
  // Query: q_lora_rank → one (nope | rope) vector per head.
  const q = ops.splitHeads(ops.linear(qr, w.qBProj), "H", cfg.numAttentionHeads, "nope+rope");
  const [qNopeRaw, qPeRaw] = ops.splitEach(q, "nope", cfg.qkNopeHeadDim, "rope");
  const qNope = tap("q_nope", qNopeRaw);
  const qPe = tap("q_pe", ops.ropeInterleaved(qPeRaw, rope));

  // Key and value: hidden → (latent | rope). Only these two are cached.
  const [cRaw, kPeRaw] = ops.split(ops.linear(x, w.kvAProj), "kvLora", cfg.kvLoraRank, "rope");
  const c = tap("kv_cmpr", ops.rmsNorm(cRaw, w.kvANorm, cfg.latentNormEps));
  const kPe = tap("k_pe", ops.ropeInterleaved(kPeRaw, rope));
  const past = cache.append(positions, c, kPe);

  // Attend, in the latent space, to the rows that the indexer selected.
  const qLatent = tap("q_nope_absorbed", ops.perHead(qNope, w.kUp));
  const oLatent = ops.latentAttention(qLatent, qPe, past, topK, 1 / Math.sqrt(cfg.qkHeadDim));
  const o = ops.perHead(oLatent, w.vUp);
  return tap("attn_out", ops.linear(ops.joinHeads(o), w.oProj));
}
