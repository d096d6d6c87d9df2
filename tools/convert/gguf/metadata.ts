/**
 * Makes the metadata that llama.cpp's architecture `glm-dsa` reads, from the config and the
 * tokenizer.
 *
 * Next: write-gguf.ts
 * @module
 */

import type { ModelConfig } from "../../../engine/index.ts";
import { UserError } from "../../node/user-error.ts";
import type { GgmlType } from "./encode.ts";
import type { Value } from "./header.ts";
import { indexerCopies } from "./indexer.ts";

/** The parts of a tokenizer.json that are used here. */
export interface TokenizerFile {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly string[])[];
  };
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
  }[];
}

const u32 = (value: number): Value => ({ type: "u32", value });
const f32 = (value: number): Value => ({ type: "f32", value });
const string = (value: string): Value => ({ type: "string", value });
const list = (value: readonly Value[]): Value => ({ type: "list", value });

/** The number in llama.cpp's enum `llama_ftype` for a file whose matrices have this format. */
const FILE_TYPE: Readonly<Record<GgmlType, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 7 };

/**
 * The metadata of the model.
 *
 * @throws {UserError} when llama.cpp's architecture cannot represent the config
 */
export function modelKeys(
  c: ModelConfig,
  nLayers: number,
  name: string,
  type: GgmlType,
): [string, Value][] {
  const nDense = c.mlpLayerTypes.filter((kind) => kind === "dense").length;
  if (c.mlpLayerTypes.slice(0, nDense).includes("sparse")) {
    throw new UserError("glm-dsa", "expected the dense layers before the sparse ones");
  }
  if (c.nGroup !== 1) throw new UserError("glm-dsa", `expected one expert group, got ${c.nGroup}`);
  if (c.latentNormEps !== c.rmsNormEps) throw new UserError("glm-dsa", "expected one norm epsilon");
  const keys: [string, Value][] = [
    ["block_count", u32(nLayers)],
    ["nextn_predict_layers", u32(nLayers - c.numHiddenLayers)],
    ["context_length", u32(c.maxPositionEmbeddings)],
    ["embedding_length", u32(c.hiddenSize)],
    ["feed_forward_length", u32(c.intermediateSize)],
    ["vocab_size", u32(c.vocabSize)],
    ["leading_dense_block_count", u32(nDense)],
    ["rope.dimension_count", u32(c.qkRopeHeadDim)],
    ["rope.freq_base", f32(c.ropeTheta)],
    ...attentionKeys(c),
    ["expert_count", u32(c.nRoutedExperts)],
    ["expert_used_count", u32(c.numExpertsPerTok)],
    ["expert_shared_count", u32(c.nSharedExperts)],
    ["expert_feed_forward_length", u32(c.moeIntermediateSize)],
    ["expert_gating_func", u32(2)], // sigmoid
    ["expert_weights_scale", f32(c.routedScalingFactor)],
    ["expert_weights_norm", { type: "bool", value: c.normTopkProb }],
  ];
  return [
    ["general.architecture", string("glm-dsa")],
    ["general.name", string(name)],
    ["general.file_type", u32(FILE_TYPE[type])],
    ...keys.map(([key, value]): [string, Value] => [`glm-dsa.${key}`, value]),
  ];
}

/**
 * The metadata of attention and indexer. llama.cpp runs MLA with absorbed weights, so there is one
 * key head, which consists of the latent and the rotated part.
 */
function attentionKeys(c: ModelConfig): [string, Value][] {
  const isFull = c.indexerTypes.map((kind): Value => ({ type: "bool", value: kind === "full" }));
  return [
    ["attention.head_count", u32(c.numAttentionHeads)],
    ["attention.head_count_kv", u32(1)],
    ["attention.layer_norm_rms_epsilon", f32(c.rmsNormEps)],
    ["attention.q_lora_rank", u32(c.qLoraRank)],
    ["attention.kv_lora_rank", u32(c.kvLoraRank)],
    ["attention.key_length", u32(c.kvLoraRank + c.qkRopeHeadDim)],
    ["attention.value_length", u32(c.kvLoraRank)],
    ["attention.key_length_mla", u32(c.qkHeadDim)],
    ["attention.value_length_mla", u32(c.vHeadDim)],
    ["attention.indexer.head_count", u32(c.indexNHeads)],
    ["attention.indexer.key_length", u32(c.indexHeadDim * indexerCopies(c.indexHeadDim))],
    ["attention.indexer.top_k", u32(c.indexTopk)],
    ["attention.indexer.types", list(isFull)],
  ];
}

/** Kinds of tokens in llama.cpp's enum `llama_token_type`. */
const [NORMAL, CONTROL, USER_DEFINED, UNUSED] = [1, 3, 4, 5];

/** The metadata of the tokenizer. Without a tokenizer, it says that there is none. */
export function tokenizerKeys(
  c: ModelConfig,
  file: TokenizerFile | undefined,
  chatTemplate: string | undefined,
): [string, Value][] {
  if (file === undefined) return [["tokenizer.ggml.model", string("none")]];
  const tokens = Array.from({ length: c.vocabSize }, (_, id) => `[PAD${id}]`);
  const types = tokens.map(() => UNUSED);
  for (const [text, id] of Object.entries(file.model.vocab)) {
    tokens[id] = text;
    types[id] = NORMAL;
  }
  for (const { id, content, special } of file.added_tokens) {
    tokens[id] = content;
    types[id] = special ? CONTROL : USER_DEFINED;
  }
  const merges = file.model.merges.map((pair) =>
    typeof pair === "string" ? pair : pair.join(" "),
  );
  const keys: [string, Value][] = [
    ["model", string("gpt2")],
    ["pre", string("glm4")],
    ["tokens", list(tokens.map(string))],
    ["token_type", list(types.map((value): Value => ({ type: "i32", value })))],
    ["merges", list(merges.map(string))],
    ["add_bos_token", { type: "bool", value: false }],
  ];
  const [eos, eot, eom] = c.eosTokenIds;
  if (eos !== undefined) keys.push(["eos_token_id", u32(eos)], ["padding_token_id", u32(eos)]);
  if (eot !== undefined) keys.push(["eot_token_id", u32(eot)]);
  if (eom !== undefined) keys.push(["eom_token_id", u32(eom)]);
  const named = keys.map(([key, value]): [string, Value] => [`tokenizer.ggml.${key}`, value]);
  return chatTemplate === undefined
    ? named
    : [...named, ["tokenizer.chat_template", string(chatTemplate)]];
}
