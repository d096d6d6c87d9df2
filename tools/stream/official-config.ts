/**
 * The config.json of GLM-5.2, as released.
 *
 * Next: official-shards.ts
 * @module
 * @see MODEL.md, section 3: the released configs
 */

/** A config.json, or a part of one. */
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
