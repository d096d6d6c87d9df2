/**
 * The names that other engines have for our stages. A name map of one more engine belongs here.
 * @module
 */

import { readFile } from "node:fs/promises";
import { parseJson } from "../../../engine/weights/json.ts";
import { UserError } from "../../node/user-error.ts";

/** Their name → ours; `{l}` stands for a number, the same on both sides. */
export type NameMap = Readonly<Record<string, string>>;

/**
 * Outputs of the modules of HF transformers' `GlmMoeDsaForCausalLM`. Where a module has several
 * outputs, the first one is meant.
 *
 * llama.cpp's names are ours, and vLLM's and SGLang's are HF's, but for their names of the logits.
 */
export const BUILT_IN: NameMap = {
  result_output: "logits",
  logits_processor: "logits",
  lm_head: "logits",
  "model.embed_tokens": "inp_embd",
  "model.norm": "result_norm",
  "model.layers.{l}": "l_out-{l}",
  "model.layers.{l}.input_layernorm": "attn_norm-{l}",
  "model.layers.{l}.self_attn.q_a_layernorm": "qr-{l}",
  "model.layers.{l}.self_attn.kv_a_layernorm": "kv_cmpr-{l}",
  "model.layers.{l}.self_attn.indexer.weights_proj": "indexer_weights-{l}",
  "model.layers.{l}.self_attn.indexer": "top_k-{l}",
  "model.layers.{l}.self_attn.o_proj": "attn_out-{l}",
  "model.layers.{l}.post_attention_layernorm": "ffn_norm-{l}",
  "model.layers.{l}.mlp.gate": "ffn_moe_logits-{l}",
  "model.layers.{l}.mlp.experts": "ffn_moe_out-{l}",
  "model.layers.{l}.mlp.shared_experts": "ffn_shexp-{l}",
  "model.layers.{l}.mlp": "ffn_out-{l}",
};

/** Our name of a tensor. A tensor that the map does not have keeps its own name. */
export function stageName(theirs: string, names: NameMap): string {
  const number = /(?<![\w])\d+(?![\w])/.exec(theirs);
  const keys = number ? [theirs, theirs.replace(number[0], "{l}")] : [theirs];
  const key = keys.find((name) => Object.hasOwn(names, name)); // no __proto__
  return key === undefined ? theirs : names[key].replace("{l}", number?.[0] ?? "");
}

/**
 * Reads a map from a JSON file.
 *
 * @throws {UserError} when it is something else than an object of strings
 */
export async function readNames(file: string): Promise<NameMap> {
  const json = parseJson(file, await readFile(file), "any");
  const isMap =
    typeof json === "object" &&
    json !== null &&
    !Array.isArray(json) &&
    Object.values(json).every((name) => typeof name === "string");
  if (!isMap) {
    throw new UserError(file, "expected an object of strings: their name to ours");
  }
  return json as NameMap;
}

/**
 * Modules of vLLM's `deepseek_v2.py` whose output is the stage. A norm that adds the residual gives a
 * pair, of which the first is the stage. Experts and layers are left out, because their outputs are
 * other sums than ours. vLLM's code for one maker's devices (`vllm/models/deepseek_v32`) fuses the
 * latent norms, so that they have no output there.
 */
const VLLM: Readonly<Record<string, string>> = {
  logits: "logits_processor",
  inp_embd: "model.embed_tokens",
  result_norm: "model.norm",
  "attn_norm-{l}": "model.layers.{l}.input_layernorm",
  "qr-{l}": "model.layers.{l}.self_attn.q_a_layernorm",
  "kv_cmpr-{l}": "model.layers.{l}.self_attn.kv_a_layernorm",
  "attn_out-{l}": "model.layers.{l}.self_attn.o_proj",
  "ffn_norm-{l}": "model.layers.{l}.post_attention_layernorm",
  "ffn_out-{l}": "model.layers.{l}.mlp",
};

/**
 * Modules whose outputs SGLang writes with `--debug-tensor-dump-output-folder`. It writes modules that
 * have no modules of their own, where `deepseek_v2.py` calls them for one tensor. Logits are left out,
 * because SGLang computes those of the last token alone.
 */
const SGLANG: Readonly<Record<string, string>> = {
  inp_embd: "model.embed_tokens",
  "qr-{l}": "model.layers.{l}.self_attn.q_a_layernorm",
  "kv_cmpr-{l}": "model.layers.{l}.self_attn.kv_a_layernorm",
  "attn_out-{l}": "model.layers.{l}.self_attn.o_proj",
  "ffn_moe_logits-{l}": "model.layers.{l}.mlp.gate",
};

/** names.json of the pack: for each stage its name in each engine that has one. `{l}` is the layer. */
export function describeNames(): object {
  const hf = Object.entries(BUILT_IN).filter(([name]) => !OTHERS.includes(name));
  const stages = hf.map(([theirs, stage]) => {
    const [vllm, sglang] = [VLLM[stage], SGLANG[stage]];
    const llama = stage === "logits" ? LLAMA_LOGITS : stage;
    return [
      stage,
      { "llama.cpp": llama, hf: theirs, ...(vllm && { vllm }), ...(sglang && { sglang }) },
    ];
  });
  return { format: "glm52-names 1", stages: Object.fromEntries(stages) };
}

const LLAMA_LOGITS = "result_output";

/** Names of the built-in map that are not HF's. */
const OTHERS: readonly string[] = [LLAMA_LOGITS, "logits_processor"];
