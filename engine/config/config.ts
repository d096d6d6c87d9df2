/**
 * Reads a `config.json`. A key is read, or it must have the one value that the engine computes, or
 * it is ignored for a reason that is written here.
 *
 * Next: ../model/model.ts
 * @module
 */
import {
  boolean,
  ConfigError,
  exactly,
  Fields,
  integerFrom,
  listOf,
  nonNegativeInteger,
  object,
  positiveInteger,
  positiveNumber,
  type Rule,
  show,
} from "./fields.ts";
import { checkQuantization, FIXED_KEYS, IGNORED_KEYS, LAYER_TYPES } from "./keys.ts";
import type { ModelConfig } from "./model-config.ts";
import { readIndexerTypes, readMlpLayerTypes } from "./schedule.ts";

export { ConfigError } from "./fields.ts";

/** Settings that a config.json does not hold. */
export interface ConfigOptions {
  /** See {@link ModelConfig.latentNormEps}. By default it is `rms_norm_eps`. */
  readonly latentNormEps?: number;
}

/**
 * Turns a parsed `config.json` into a checked {@link ModelConfig}.
 *
 * @throws {ConfigError} when a key is missing, has the wrong type or range, contradicts another,
 *   asks for arithmetic that is not here, or is not known: such a key may ask for that too
 * @see HF `GlmMoeDsaConfig`, transformers 5.18.0
 */
export function parseConfig(json: unknown, options: ConfigOptions = {}): ModelConfig {
  const fields = new Fields("config.json", json);
  fields.required("model_type", exactly("glm_moe_dsa", "the only architecture here"));
  fields.optional("architectures", architectures);
  for (const [key, value, why] of FIXED_KEYS) fields.optional(key, exactly(value, why));
  checkQuantization(fields.optional("quantization_config", object));

  const length = (key: string): number => fields.required(key, positiveInteger);
  const numHiddenLayers = fields.required("num_hidden_layers", layerCount);
  const rmsNormEps = fields.required("rms_norm_eps", positiveNumber);
  const numAttentionHeads = length("num_attention_heads");
  const qkNopeHeadDim = length("qk_nope_head_dim");
  const qkRopeHeadDim = fields.required("qk_rope_head_dim", evenInteger);
  const qkHeadDim = qkNopeHeadDim + qkRopeHeadDim;
  const nRoutedExperts = length("n_routed_experts");
  const same = (key: string, value: number, as: string): void => {
    fields.optional(key, exactly(value, as));
  };
  same("num_key_value_heads", numAttentionHeads, "num_attention_heads");
  same("qk_head_dim", qkHeadDim, "qk_nope_head_dim + qk_rope_head_dim");
  same("num_experts", nRoutedExperts, "n_routed_experts");
  same("num_local_experts", nRoutedExperts, "n_routed_experts");
  fields.optional("layer_types", listOf(LAYER_TYPES, numHiddenLayers));

  const config: ModelConfig = {
    vocabSize: length("vocab_size"),
    hiddenSize: length("hidden_size"),
    numHiddenLayers,
    maxPositionEmbeddings: fields.required("max_position_embeddings", positionCount),
    rmsNormEps,
    latentNormEps: options.latentNormEps ?? rmsNormEps,
    numAttentionHeads,
    qLoraRank: length("q_lora_rank"),
    kvLoraRank: length("kv_lora_rank"),
    qkNopeHeadDim,
    qkRopeHeadDim,
    qkHeadDim,
    vHeadDim: length("v_head_dim"),
    ropeTheta: readRopeTheta(fields),
    indexNHeads: length("index_n_heads"),
    indexHeadDim: length("index_head_dim"),
    indexTopk: length("index_topk"),
    indexerTypes: readIndexerTypes(fields, numHiddenLayers),
    mlpLayerTypes: readMlpLayerTypes(fields, numHiddenLayers),
    intermediateSize: length("intermediate_size"),
    moeIntermediateSize: length("moe_intermediate_size"),
    nRoutedExperts,
    nSharedExperts: length("n_shared_experts"),
    numExpertsPerTok: length("num_experts_per_tok"),
    nGroup: fields.optional("n_group", positiveInteger) ?? 1,
    topkGroup: fields.optional("topk_group", positiveInteger) ?? 1,
    normTopkProb: fields.required("norm_topk_prob", boolean),
    routedScalingFactor: fields.required("routed_scaling_factor", positiveNumber),
    numNextnPredictLayers: fields.optional("num_nextn_predict_layers", zeroOrOne) ?? 0,
    indexShareForMtpIteration: fields.optional("index_share_for_mtp_iteration", boolean) ?? false,
    eosTokenIds: readEos(fields),
  };
  fields.finish(IGNORED_KEYS);
  checkRanges(config, fields);
  return config;
}

const architectures: Rule<readonly string[]> = {
  what: '["GlmMoeDsaForCausalLM"]',
  is: (v): v is readonly string[] =>
    Array.isArray(v) && v.length === 1 && v[0] === "GlmMoeDsaForCausalLM",
};
const layerCount = integerFrom(1, 1024, "an integer in 1 … 1024");
// The rotary angles are exact to the last places up to 2^20 (math.ts).
const positionCount = integerFrom(1, 2 ** 20, "an integer in 1 … 1048576");
const zeroOrOne = integerFrom(0, 1, "0 or 1 (the checkpoint holds one such layer at most)");
const evenInteger: Rule<number> = {
  what: "a positive even integer",
  is: (v): v is number => positiveInteger.is(v) && v % 2 === 0,
};
const theta: Rule<number> = {
  what: "a number >= 1",
  is: (v): v is number => positiveNumber.is(v) && v >= 1,
};
const tokenIds: Rule<number | readonly number[]> = {
  what: "a token id or a list of them",
  is: (v): v is number | readonly number[] =>
    Array.isArray(v) ? v.every(nonNegativeInteger.is) : nonNegativeInteger.is(v),
};

/**
 * Reads `rope_parameters.rope_theta` of newer files, or `rope_theta` of older ones. One must be
 * there: the usual default of 10000 would be wrong.
 */
function readRopeTheta(fields: Fields): number {
  const old = fields.optional("rope_theta", theta);
  const scaling = fields.optional("rope_scaling", object);
  if (scaling !== undefined) throw fields.error("rope_scaling", "null", show(scaling));
  const nested = fields.optional("rope_parameters", object);
  if (nested === undefined) {
    if (old === undefined)
      throw fields.error("rope_parameters", "an object with rope_theta", "nothing");
    return old;
  }

  const rope = new Fields("config.json: rope_parameters", nested);
  rope.optional("rope_type", exactly("default", "positions are not scaled"));
  rope.optional("type", exactly("default", "positions are not scaled"));
  rope.optional("partial_rotary_factor", exactly(1, "qk_rope_head_dim says what is rotated"));
  const value = rope.optional("rope_theta", theta) ?? old;
  rope.finish(new Map());
  if (value === undefined) throw rope.error("rope_theta", theta.what, "nothing");
  if (old !== undefined && old !== value) {
    throw fields.error("rope_theta", `${value} (rope_parameters)`, String(old));
  }
  return value;
}

/** Reads the tokens that end a text: one, a list of them, or none. */
function readEos(fields: Fields): readonly number[] {
  const ids = fields.optional("eos_token_id", tokenIds) ?? [];
  return typeof ids === "number" ? [ids] : ids;
}

/** Checks relations between lengths, which concern several keys. */
function checkRanges(c: ModelConfig, fields: Fields): void {
  if (!positiveNumber.is(c.latentNormEps)) {
    throw new ConfigError(
      "latentNormEps",
      `expected ${positiveNumber.what}, got ${show(c.latentNormEps)}`,
    );
  }
  const atMost = (key: string, got: number, limit: number, what: string): void => {
    if (got > limit) throw fields.error(key, `at most ${limit} (${what})`, String(got));
  };
  atMost("qk_rope_head_dim", c.qkRopeHeadDim, c.indexHeadDim, "index_head_dim");
  atMost("topk_group", c.topkGroup, c.nGroup, "n_group");
  if (c.nRoutedExperts % c.nGroup !== 0) {
    throw fields.error(
      "n_group",
      `a divisor of n_routed_experts ${c.nRoutedExperts}`,
      String(c.nGroup),
    );
  }
  const perGroup = c.nRoutedExperts / c.nGroup;
  if (c.nGroup > 1 && perGroup < 2) {
    throw fields.error("n_group", "two experts or more in each group", String(c.nGroup));
  }
  atMost(
    "num_experts_per_tok",
    c.numExpertsPerTok,
    c.topkGroup * perGroup,
    "experts in topk_group groups",
  );
}
