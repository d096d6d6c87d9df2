/**
 * The configs of the models to measure with.
 *
 * Next: make-model.ts
 * @module
 */

/**
 * A smaller GLM-5.2. It keeps the ratios that decide how much a step reads, and two IndexShare
 * groups.
 */
export const MEDIUM = {
  model_type: "glm_moe_dsa",
  architectures: ["GlmMoeDsaForCausalLM"],
  hidden_size: 2048,
  num_hidden_layers: 8,
  intermediate_size: 6144,
  moe_intermediate_size: 768,
  first_k_dense_replace: 1,
  moe_layer_freq: 1,
  n_routed_experts: 16,
  n_shared_experts: 1,
  num_experts_per_tok: 4,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  scoring_func: "sigmoid",
  topk_method: "noaux_tc",
  num_attention_heads: 16,
  num_key_value_heads: 16,
  q_lora_rank: 768,
  kv_lora_rank: 512,
  qk_nope_head_dim: 192,
  qk_rope_head_dim: 64,
  v_head_dim: 256,
  index_n_heads: 8,
  index_head_dim: 128,
  index_topk: 512,
  indexer_types: ["full", "full", "full", "shared", "shared", "shared", "full", "shared"],
  indexer_rope_interleave: true,
  max_position_embeddings: 65536,
  rope_parameters: { rope_theta: 8000000, rope_type: "default" },
  rope_interleave: true,
  rms_norm_eps: 1e-5,
  hidden_act: "silu",
  attention_bias: false,
  attention_dropout: 0,
  tie_word_embeddings: false,
  vocab_size: 32768,
  num_nextn_predict_layers: 0,
  torch_dtype: "bfloat16",
  use_cache: true,
  bos_token_id: 0,
  eos_token_id: [2004, 2011, 2013],
  pad_token_id: 2004,
};

/**
 * A model of 51 million parameters for a first try: narrower, but with as many experts and rows.
 */
export const SMALL: typeof MEDIUM = {
  ...MEDIUM,
  hidden_size: 768,
  num_hidden_layers: 6,
  intermediate_size: 1536,
  moe_intermediate_size: 128,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  q_lora_rank: 256,
  kv_lora_rank: 256,
  qk_nope_head_dim: 96,
  qk_rope_head_dim: 32,
  v_head_dim: 128,
  index_n_heads: 4,
  index_head_dim: 64,
  indexer_types: ["full", "full", "shared", "shared", "full", "shared"],
  vocab_size: 8192,
};

/** Like {@link MEDIUM}, with seven times as many experts and two more layers. */
export const LARGE: typeof MEDIUM = {
  ...MEDIUM,
  num_hidden_layers: 10,
  n_routed_experts: 112,
  indexer_types: [...MEDIUM.indexer_types, "shared", "shared"],
};
