export type Json = Readonly<Record<string, unknown>>;

/** The full layers of GLM-5.2, as published. All others are shared. */
export const FULL_LAYERS: readonly number[] = [
  0, 1, 2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 54, 58, 62, 66, 70, 74,
];

/** `config.json` of zai-org/GLM-5.2, every key. */
export const GLM52: Json = {
  architectures: ["GlmMoeDsaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  dtype: "bfloat16",
  eos_token_id: [154820, 154827, 154829],
  ep_size: 1,
  first_k_dense_replace: 3,
  head_dim: 192,
  hidden_act: "silu",
  hidden_size: 6144,
  index_head_dim: 128,
  index_n_heads: 32,
  index_share_for_mtp_iteration: true,
  index_skip_topk_offset: 3,
  index_topk: 2048,
  index_topk_freq: 4,
  index_topk_pattern: null,
  indexer_rope_interleave: true,
  indexer_types: Array.from({ length: 78 }, (_, i) =>
    FULL_LAYERS.includes(i) ? "full" : "shared",
  ),
  initializer_range: 0.02,
  intermediate_size: 12288,
  kv_lora_rank: 512,
  max_position_embeddings: 1048576,
  mlp_layer_types: Array.from({ length: 78 }, (_, i) => (i < 3 ? "dense" : "sparse")),
  model_type: "glm_moe_dsa",
  moe_intermediate_size: 2048,
  moe_layer_freq: 1,
  moe_router_dtype: "float32",
  n_group: 1,
  n_routed_experts: 256,
  n_shared_experts: 1,
  norm_topk_prob: true,
  num_attention_heads: 64,
  num_experts_per_tok: 8,
  num_hidden_layers: 78,
  num_key_value_heads: 64,
  num_nextn_predict_layers: 1,
  pad_token_id: 154820,
  pretraining_tp: 1,
  q_lora_rank: 2048,
  qk_head_dim: 256,
  qk_nope_head_dim: 192,
  qk_rope_head_dim: 64,
  rms_norm_eps: 1e-5,
  rope_interleave: true,
  rope_parameters: { rope_theta: 8000000, rope_type: "default" },
  routed_scaling_factor: 2.5,
  scoring_func: "sigmoid",
  tie_word_embeddings: false,
  topk_group: 1,
  topk_method: "noaux_tc",
  transformers_version: "5.12.0",
  use_cache: true,
  v_head_dim: 256,
  vocab_size: 154880,
};

/** The FP8 repository's addition, with the published misspelling in its list. */
export const FP8_QUANTIZATION: Json = {
  quant_method: "fp8",
  fmt: "e4m3",
  activation_scheme: "dynamic",
  weight_block_size: [128, 128],
  modules_to_not_convert: ["lm_head", "model.layers.0.self_attn.indexers_proj"],
};

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
