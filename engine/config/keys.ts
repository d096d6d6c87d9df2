/**
 * The keys of `config.json` that do not become a part of the model's config: keys that must have
 * one value, and keys without effect. `config.ts` reads all others, and `unknown-keys.ts` judges
 * those that are in no table.
 *
 * Next: config.ts
 * @module
 */

/** Keys that may hold anything. Each has the reason why it cannot change a result. */
export const IGNORED_KEYS: ReadonlyMap<string, string> = new Map([
  ["head_dim", "192 in GLM-5.2, the rope width in files that HF writes: sizes nothing here"],
  ["dtype", "each tensor says its own in the safetensors header"],
  ["torch_dtype", "the older name of dtype"],
  ["attention_dropout", "acts in training only"],
  ["initializer_range", "acts before training only"],
  ["router_aux_loss_coef", "acts in training only"],
  ["aux_loss_alpha", "acts in training only"],
  ["seq_aux", "acts in training only"],
  ["use_cache", "a habit of HF's generate(); sessions always cache"],
  ["use_index_cache", "a switch of engines; the schedule says which layers borrow"],
  ["ep_size", "how a trainer spread the experts over devices"],
  ["pretraining_tp", "how a trainer spread the matrices over devices"],
  ["transformers_version", "who wrote the file"],
  ["_name_or_path", "where the file was read from"],
  ["_commit_hash", "where the file was read from"],
  ["_attn_implementation", "which kernels compute, not what"],
  ["_attn_implementation_autoset", "which kernels compute, not what"],
  ["_experts_implementation", "which kernels compute, not what"],
  ["attn_implementation", "which kernels compute, not what"],
  ["auto_map", "names Python code; no code of a model's folder is run"],
  ["unsloth_fixed", "a mark of who wrote the file"],
  ["bos_token_id", "no text begins with it: the chat template spells its own prefix"],
  ["pad_token_id", "no padding here; in GLM-5.2 it equals an eos token, so it cannot mark any"],
  ["sep_token_id", "no text needs it"],
  ["decoder_start_token_id", "of models with an encoder"],
  ["return_dict", "the form of what HF's forward() returns"],
  ["use_return_dict", "the form of what HF's forward() returns"],
  ["output_attentions", "what else HF's forward() returns"],
  ["output_hidden_states", "what else HF's forward() returns"],
  ["output_router_logits", "what else HF's forward() returns"],
  ["torchscript", "the form of what HF's forward() returns"],
  ["chunk_size_feed_forward", "how much HF computes at a time"],
  ["id2label", "of classifiers"],
  ["label2id", "of classifiers"],
  ["num_labels", "of classifiers"],
  ["problem_type", "of classifiers"],
  ["finetuning_task", "of classifiers"],
  ["tokenizer_class", "tokenizer.json says how text becomes tokens"],
  ["model_max_length", "max_position_embeddings says it"],
]);

/**
 * The sampling options that old releases of HF wrote into config.json, each with the value that
 * changes nothing. With another value the key is unknown: its place is generation_config.json.
 */
export const OLD_SAMPLING: ReadonlyMap<string, number> = new Map([
  ["max_length", 20],
  ["num_beams", 1],
  ["num_beam_groups", 1],
  ["num_return_sequences", 1],
  ["temperature", 1],
  ["top_k", 50],
  ["top_p", 1],
  ["typical_p", 1],
  ["repetition_penalty", 1],
  ["length_penalty", 1],
]);

/** Keys that must be absent or hold the one value that the engine computes. */
export const FIXED_KEYS: readonly (readonly [string, string | number | boolean, string])[] = [
  ["attention_bias", false, "the projections have no bias"],
  ["mlp_bias", false, "the projections have no bias"],
  ["hidden_act", "silu", "the only activation here"],
  ["scoring_func", "sigmoid", "the only router here"],
  ["topk_method", "noaux_tc", "the bias selects experts and no loss does"],
  ["moe_layer_freq", 1, "every layer after the dense ones is sparse"],
  ["moe_router_dtype", "float32", "the router is never computed in less"],
  ["rope_interleave", true, "neighbours are rotated, not halves"],
  ["indexer_rope_interleave", true, "neighbours are rotated, not halves"],
  ["tie_word_embeddings", false, "lm_head is a tensor of its own"],
  ["is_encoder_decoder", false, "there is no encoder"],
  ["add_cross_attention", false, "there is no encoder"],
];

/** Names that all mean the attention of this model. HF uses them to choose a class of cache. */
export const LAYER_TYPES: readonly string[] = [
  "indexed_attention",
  "deepseek_sparse_attention",
  "full_attention",
];
