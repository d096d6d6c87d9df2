import {
  FP8_QUANTIZATION,
  FULL_LAYERS,
  GLM52,
  type Json,
} from "../../../tools/stream/official-config.ts";

export { FP8_QUANTIZATION, FULL_LAYERS, GLM52, type Json };

/** An object without some of its keys. */
export function without(json: Json, ...keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

/** GLM-5 and 5.1 have no key about sharing, another theta and a shorter context. */
export const GLM51: Json = {
  ...without(
    GLM52,
    "indexer_types",
    "index_topk_freq",
    "index_topk_pattern",
    "index_skip_topk_offset",
    "index_share_for_mtp_iteration",
    "moe_router_dtype",
  ),
  max_position_embeddings: 202752,
  rope_parameters: { rope_theta: 1000000, rope_type: "default" },
};

/**
 * Four layers, one of each kind, and an MTP layer. Its head_dim is wrong on purpose, because it
 * must not matter. Some tensors have 144 rows or 132 columns, so that fp8 has partial blocks in
 * both directions.
 */
export const TINY: Json = {
  ...GLM52,
  eos_token_id: 3,
  head_dim: 99,
  hidden_size: 132,
  index_head_dim: 12,
  index_n_heads: 2,
  index_skip_topk_offset: 2,
  index_topk: 4,
  index_topk_freq: 2,
  indexer_types: ["full", "full", "shared", "full"],
  mlp_layer_types: ["dense", "sparse", "sparse", "sparse"],
  first_k_dense_replace: 1,
  intermediate_size: 144,
  kv_lora_rank: 10,
  max_position_embeddings: 256,
  moe_intermediate_size: 6,
  n_routed_experts: 8,
  num_attention_heads: 2,
  num_experts_per_tok: 2,
  num_hidden_layers: 4,
  num_key_value_heads: 2,
  pad_token_id: 3,
  q_lora_rank: 14,
  qk_head_dim: 12,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 4,
  v_head_dim: 5,
  vocab_size: 16,
};
