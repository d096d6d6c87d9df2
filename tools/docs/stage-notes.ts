/**
 * What the tour says about each stage of the forward pass.
 * @module
 */
import type { LAYER_STAGES, MODEL_STAGES } from "../../engine/index.ts";

/** A stage that the tour visits. */
export type TourStage = (typeof LAYER_STAGES)[number] | (typeof MODEL_STAGES)[number];

/** One or two sentences for each stage, in the order of the pass. */
export const STAGE_NOTES: Readonly<Record<TourStage, string>> = {
  inp_embd:
    "The token's line in the embedding table, a vector. This vector is the residual stream: every block of every layer reads it and adds to it.",
  attn_norm:
    "The residual stream after an RMSNorm: divided by its root mean square, then multiplied by a learned gain for each channel. All parts of the attention block read this.",
  qr: "The query latent: a product with a matrix that makes the token narrower, and a norm. The attention makes its queries from it, and so does the indexer.",
  q_nope: "The part of each head's query that does not know its position.",
  q_pe: "The part of each head's query that does: neighbouring channels are rotated by an angle that grows with the position.",
  kv_cmpr:
    "The latent of keys and values. All heads share it. This row goes into the cache instead of the keys and values of each head.",
  k_pe: "The rotary key, one for all heads. It goes into the cache beside the latent.",
  indexer_q: "The queries of the indexer, a small attention whose only task is to rank positions.",
  indexer_k:
    "The indexer's key of this token, one for all of its heads. It has a cache of its own.",
  indexer_weights:
    "How much each head of the indexer counts for this token. A weight can be negative: the head then votes against what it finds.",
  indexer_score:
    "The score of every position in the cache: over the heads, the sum of weight times the positive part of query times key.",
  top_k:
    "The positions with the largest scores, in ascending order. The attention of this layer reads these rows of the cache and no others.",
  q_nope_absorbed:
    "Each head's query, moved into the space of the latents. It can now be multiplied with a cached row as it lies there, so keys are never made.",
  attn_out:
    "What the attention block adds to the residual stream. Each head has weighted the chosen latents with a softmax over its scores, the sum became values, and a matrix mixed the heads.",
  ffn_inp: "The residual stream plus what the attention gave.",
  ffn_norm: "The stream after the second RMSNorm of the layer. The feed-forward block reads this.",
  ffn_moe_logits: "The router: one number for each expert, from a product with a small matrix.",
  ffn_moe_topk:
    "The experts that this token visits. They are chosen by the sigmoid of the router's numbers plus a correction for each expert, which balances the load.",
  ffn_moe_weights:
    "How much each chosen expert counts. The correction plays no part here: these are the sigmoids, divided by their sum and multiplied by a constant.",
  ffn_moe_out: "The weighted sum of what the chosen experts gave.",
  ffn_shexp: "What the shared expert gave, which every token visits.",
  ffn_out:
    "What the feed-forward block adds to the residual stream. In a dense layer it comes from one wide SwiGLU block, in a sparse layer from the experts.",
  l_out: "The residual stream after the layer. The next layer starts from it.",
  result_norm: "The residual stream after the last layer, normed once more.",
  result_output: "The logits: one number for each token of the vocabulary.",
};
