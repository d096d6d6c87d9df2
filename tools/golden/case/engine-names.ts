/**
 * What other engines call our stages.
 * @module
 */

import { readFile } from "node:fs/promises";
import { parseJson } from "../../../engine/weights/json.ts";
import { UserError } from "../../node/user-error.ts";

/** Their name → ours; `{l}` stands for a number, the same on both sides. */
export type NameMap = Readonly<Record<string, string>>;

/**
 * Outputs of the modules of HF transformers' `GlmMoeDsaForCausalLM`; of several outputs the first.
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

/** Our name of a tensor; its own where the map has none. */
export function stageName(theirs: string, names: NameMap): string {
  const number = /(?<![\w])\d+(?![\w])/.exec(theirs);
  const ours = names[theirs] ?? (number && names[theirs.replace(number[0], "{l}")]);
  return ours ? ours.replace("{l}", number?.[0] ?? "") : theirs;
}

/** The built-in map, and over it that of a JSON file. */
export async function readNames(file: string | undefined): Promise<NameMap> {
  if (file === undefined) return BUILT_IN;
  const json = parseJson(file, await readFile(file), "any");
  const isMap =
    typeof json === "object" &&
    json !== null &&
    !Array.isArray(json) &&
    Object.values(json).every((name) => typeof name === "string");
  if (!isMap) {
    throw new UserError(file, "expected an object of strings: their name to ours");
  }
  return { ...BUILT_IN, ...(json as NameMap) };
}
