/**
 * The keys of `config.json` that do not become a part of the model's config: keys that must have
 * one value, and keys without effect.
 *
 * Next: config.ts
 * @module
 */

import { FP8_BLOCK, GROUP } from "../numbers/raw-tensor.ts";
import { boolean, exactly, Fields } from "./fields.ts";

/** Keys that may hold anything. Each has the reason why it cannot change a result. */
export const IGNORED_KEYS: ReadonlyMap<string, string> = new Map([
  ["head_dim", "192 in GLM-5.2, the rope width in files that HF writes: sizes nothing here"],
  ["dtype", "each tensor says its own in the safetensors header"],
  ["torch_dtype", "the older name of dtype"],
  ["attention_dropout", "acts in training only"],
  ["initializer_range", "acts before training only"],
  ["use_cache", "a habit of HF's generate(); sessions always cache"],
  ["ep_size", "how a trainer spread the experts over devices"],
  ["pretraining_tp", "how a trainer spread the matrices over devices"],
  ["transformers_version", "who wrote the file"],
  ["_name_or_path", "where the file was read from"],
  ["bos_token_id", "no text begins with it: the chat template spells its own prefix"],
  ["pad_token_id", "no padding here; in GLM-5.2 it equals an eos token, so it cannot mark any"],
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
];

/** Names that all mean the attention of this model. HF uses them to choose a class of cache. */
export const LAYER_TYPES: readonly string[] = [
  "indexed_attention",
  "deepseek_sparse_attention",
  "full_attention",
];

/** The `quant_method` of weights that are stored in groups. */
export const GROUPS_METHOD = "glm52-groups";

/**
 * Checks that the weights are in block-wise fp8, in groups of int8 or int4, or not quantised at
 * all.
 *
 * The list of unconverted modules is not read, because in the released FP8 repository it misspells
 * `indexer.weights_proj`. A weight is fp8 iff a `_scale_inv` tensor stands beside it, which
 * `weights/match-tensors.ts` finds out. Groups are a layout of this project,
 * docs/quantised-weights.md; the files tell which weights have them.
 *
 * @throws {ConfigError} when `quantization_config` describes anything else
 */
export function checkQuantization(json: Readonly<Record<string, unknown>> | undefined): void {
  if (json === undefined) return;
  const fields = new Fields("config.json: quantization_config", json);
  const { quant_method: method } = json;
  if (method === GROUPS_METHOD) {
    checkGroups(fields);
    return;
  }
  fields.required(
    "quant_method",
    exactly("fp8", `or "${GROUPS_METHOD}", the only quantisations here`),
  );
  fields.optional("fmt", exactly("e4m3", "the only fp8 format here"));
  fields.optional("scale_fmt", exactly("float", "scales are f32"));
  fields.optional("dequantize", boolean); // says when HF multiplies, not what
  fields.required("weight_block_size", {
    what: `[${FP8_BLOCK}, ${FP8_BLOCK}]`,
    is: (v): v is readonly number[] =>
      Array.isArray(v) && v.length === 2 && v.every((n) => n === FP8_BLOCK),
  });
  fields.finish(
    new Map([
      ["activation_scheme", "activations are never quantised here"],
      ["modules_to_convert", "a weight is fp8 iff its _scale_inv sibling exists"],
      ["modules_to_not_convert", "a weight is fp8 iff its _scale_inv sibling exists"],
    ]),
  );
}

/** Checks the keys of groups. All must be there, or the file was not written for this layout. */
function checkGroups(fields: Fields): void {
  fields.required("quant_method", exactly(GROUPS_METHOD, "groups of int8 or int4"));
  fields.required("group_size", exactly(GROUP, "the only group here"));
  fields.required("bits", { what: "4 or 8", is: (v): v is number => v === 4 || v === 8 });
  fields.finish(new Map());
}
