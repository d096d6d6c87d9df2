/**
 * Multi-head latent attention (MLA), absorbed form.
 *
 * What is cached per position is one latent of `kvLora` numbers and one rotary key of `rope`
 * numbers, shared by all heads: 576 numbers in GLM-5.2, where keys and values of 64 heads would be
 * 32,768. Keys and values are never expanded. Because `qᵀ(W^UK c) = (W^UKᵀ q)ᵀ c`, each head's
 * query is moved into the latent space once and meets every cached row as it lies in the cache;
 * because `Σ p W^UV c = W^UV Σ p c`, the value projection is applied once to the sum.
 *
 * Next: indexer.ts
 * @see DeepSeek-V2, arXiv 2405.04434, §2.1 · HF `GlmMoeDsaAttention.forward` (naive form)
 * @module
 */

import type { LatentCache } from "../kv/latent-cache.ts";
import type { Indices, Tensor } from "../tensor.ts";
import type { Step } from "./step.ts";
import type { AttentionWeights } from "./weights.ts";

/**
 * The query latent, normed. The attention reads it, and so does the indexer.
 *
 * Not the raw projection: an indexer fed before the norm picks other rows.
 */
export function queryLatent(
  { ops, cfg, tap }: Step,
  w: AttentionWeights,
  x: Tensor<["T", "hidden"]>,
): Tensor<["T", "qLora"]> {
  return tap("qr", ops.rmsNorm(ops.linear(x, w.qAProj), w.qANorm, cfg.latentNormEps));
}

/**
 * The block's contribution to the residual stream.
 *
 * @param x     normed input of the block
 * @param qr    {@link queryLatent} of `x`
 * @param topK  rows each query may see, from the indexer of this layer or of the one it shares with
 * @param cache this layer's rows; the rows of `x` are appended here, at position `step.start`
 */
export function attention(
  step: Step,
  w: AttentionWeights,
  x: Tensor<["T", "hidden"]>,
  qr: Tensor<["T", "qLora"]>,
  cache: LatentCache,
  topK: Indices<["T", "K"]>,
): Tensor<["T", "hidden"]> {
  const { ops, cfg, start, rope, tap } = step;
  // Query: q_lora_rank → one (nope | rope) vector per head.
  const q = ops.splitHeads(ops.linear(qr, w.qBProj), "H", cfg.numAttentionHeads, "nope+rope");
  const [qNopeRaw, qPeRaw] = ops.splitEach(q, "nope", cfg.qkNopeHeadDim, "rope");
  const qNope = tap("q_nope", qNopeRaw);
  const qPe = tap("q_pe", ops.ropeInterleaved(qPeRaw, rope));

  // Key and value: hidden → (latent | rope). These two are all that is cached.
  const [cRaw, kPeRaw] = ops.split(ops.linear(x, w.kvAProj), "kvLora", cfg.kvLoraRank, "rope");
  const c = tap("kv_cmpr", ops.rmsNorm(cRaw, w.kvANorm, cfg.latentNormEps));
  const kPe = tap("k_pe", ops.ropeInterleaved(kPeRaw, rope));
  const past = cache.append(start, c, kPe);

  // Attend in latent space to the rows the indexer chose.
  const qLatent = tap("q_nope_absorbed", ops.perHead(qNope, w.kUp));
  const oLatent = ops.latentAttention(qLatent, qPe, past, topK, 1 / Math.sqrt(cfg.qkHeadDim));
  const o = ops.perHead(oLatent, w.vUp);
  return tap("attn_out", ops.linear(ops.joinHeads(o), w.oProj));
}
