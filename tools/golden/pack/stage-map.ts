/**
 * names.json: what HF transformers, llama.cpp and vLLM call our stages.
 * @module
 */
import { BUILT_IN } from "../names.ts";

/**
 * Modules of vLLM's `deepseek_v2.py` whose output is the stage. It fuses, quantises and keeps the
 * residual apart, so there are fewer than in HF, and the prefix is HF's.
 */
const VLLM: readonly string[] = [
  "model.embed_tokens",
  "model.layers.{l}.self_attn.q_a_layernorm",
  "model.layers.{l}.self_attn.kv_a_layernorm",
  "model.layers.{l}.self_attn.o_proj",
  "model.layers.{l}.mlp",
];

/** Stage → its name in each engine that has one; `{l}` is the layer. */
export function describeNames(): object {
  const stages: Record<string, { "llama.cpp": string; hf?: string; vllm?: string }> = {};
  for (const [theirs, stage] of Object.entries(BUILT_IN)) {
    const llama = stage === "logits" ? "result_output" : stage;
    const names = stages[stage] ?? { "llama.cpp": llama };
    stages[stage] = names;
    if (theirs === llama) continue;
    names.hf = theirs;
    if (VLLM.includes(theirs)) names.vllm = theirs;
  }
  return { format: "glm52-names 1", stages };
}
