/**
 * names.json: what HF transformers, llama.cpp, vLLM and SGLang call our stages.
 * @module
 */
import { BUILT_IN } from "./engine-names.ts";

/**
 * Modules of vLLM's `deepseek_v2.py` whose output is the stage; of a pair (a norm that adds the
 * residual first gives both) the first. Its experts and its layers give other sums than ours. Its
 * code for one maker's devices (`vllm/models/deepseek_v32`) fuses the latent norms, which have no
 * output there.
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
 * Modules without modules of their own, which SGLang's `--debug-tensor-dump-output-folder` writes,
 * where `deepseek_v2.py` calls them for one tensor. Its logits are those of the last token alone.
 */
const SGLANG: Readonly<Record<string, string>> = {
  inp_embd: "model.embed_tokens",
  "qr-{l}": "model.layers.{l}.self_attn.q_a_layernorm",
  "kv_cmpr-{l}": "model.layers.{l}.self_attn.kv_a_layernorm",
  "attn_out-{l}": "model.layers.{l}.self_attn.o_proj",
  "ffn_moe_logits-{l}": "model.layers.{l}.mlp.gate",
};

/** Stage → its name in each engine that has one; `{l}` is the layer. */
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
