/**
 * Reads a `config.json`. A key is read, or it must have the one value that the engine computes, or
 * it is ignored for a reason that is written here.
 *
 * Next: ../model/model.ts
 * @module
 */
import type { Aside } from "../base/aside.ts";
import {
  boolean,
  ConfigError,
  exactly,
  Fields,
  integerFrom,
  listOf,
  object,
  positiveInteger,
  positiveNumber,
  type Rule,
  show,
  tokenIds,
} from "./fields.ts";
import { FIXED_KEYS, IGNORED_KEYS, LAYER_TYPES, OLD_SAMPLING } from "./keys.ts";
import type { ModelConfig } from "./model-config.ts";
import { checkQuantization, describeQuantization, type Quantization } from "./quantization.ts";
import { readRopeTheta } from "./rope.ts";
import { readIndexerTypes, readMlpLayerTypes } from "./schedule.ts";
import { UnknownKeys } from "./unknown-keys.ts";

export { ConfigError } from "./fields.ts";

/** Settings that a config.json does not hold. */
export interface ConfigOptions {
  /** See {@link ModelConfig.latentNormEps}. By default it is `rms_norm_eps`. */
  readonly latentNormEps?: number | undefined;
  /** Unknown keys that pass whatever they say; those of an inner object as `outer.inner`. */
  readonly ignoreKeys?: readonly string[] | undefined;
  /**
   * What the config is read for: to `run` the model (the default), or for its `lengths` alone. For
   * lengths, weights may be quantised in any way.
   */
  readonly use?: "run" | "lengths" | undefined;
}

/** What a `config.json` says. */
export interface ConfigReading {
  /** The numbers that shape the model. */
  readonly config: ModelConfig;
  /** Keys that were left aside although no table knows them, and keys that contradict others. */
  readonly asides: readonly Aside[];
  /** How weights are stored, if the file says that they are quantised. */
  readonly quantization: Quantization | undefined;
}

/**
 * Turns a parsed `config.json` into a checked {@link ModelConfig}. Errors as {@link readConfig}.
 *
 * @throws {ArgumentError} when `ignoreKeys` names a key that is not there or is known
 */
export function parseConfig(json: unknown, options: ConfigOptions = {}): ModelConfig {
  const unknown = new UnknownKeys(options.ignoreKeys);
  const { config } = readConfig(json, options, unknown);
  unknown.finish();
  return config;
}

/**
 * Reads a parsed `config.json`, and lists what it left aside.
 *
 * @param unknown collects what is left aside, and knows what the caller wants ignored
 * @throws {ConfigError} when a key is missing, has the wrong type or range, contradicts another,
 *   asks for arithmetic that is not here, or may ask for it and is not known
 * @see HF `GlmMoeDsaConfig`, transformers 5.12 to 5.24
 */
export function readConfig(
  json: unknown,
  options: ConfigOptions = {},
  unknown: UnknownKeys = new UnknownKeys(),
): ConfigReading {
  const fields = new Fields(FILE, json);
  const config = readLengths(fields, options, unknown);
  const quantized = fields.optional("quantization_config", object);
  if (options.use === "lengths") {
    for (const key of ["compression_config", "quantization"]) fields.optional(key, object);
  } else {
    const others = ["compression_config", "quantization"] as const;
    const other = others.map((key) => (quantized ? undefined : fields.optional(key, object)));
    checkQuantization(FILE, quantized ?? other.find(Boolean), unknown);
  }
  for (const [key, value] of OLD_SAMPLING) fields.skip(key, value);
  fields.finish(IGNORED_KEYS, unknown);
  checkRanges(config, fields);
  return { config, asides: unknown.asides, quantization: describeQuantization(FILE, json) };
}

const FILE = "config.json";

/** Reads everything but how the weights are stored. */
function readLengths(fields: Fields, options: ConfigOptions, unknown: UnknownKeys): ModelConfig {
  fields.required("model_type", exactly("glm_moe_dsa", "the only architecture here"));
  fields.optional("architectures", architectures);
  for (const [key, value, why] of FIXED_KEYS) fields.optional(key, exactly(value, why));

  const length = (key: string): number => fields.required(key, positiveInteger);
  const numHiddenLayers = fields.required("num_hidden_layers", layerCount);
  const rmsNormEps = fields.required("rms_norm_eps", positiveNumber);
  const numAttentionHeads = length("num_attention_heads");
  const qkNopeHeadDim = length("qk_nope_head_dim");
  const qkRopeHeadDim = fields.required("qk_rope_head_dim", evenInteger);
  const qkHeadDim = qkNopeHeadDim + qkRopeHeadDim;
  const nRoutedExperts = readExperts(fields, unknown);
  const same = (key: string, value: number, as: string): void => {
    fields.optional(key, exactly(value, as));
  };
  same("num_key_value_heads", numAttentionHeads, "num_attention_heads");
  same("qk_head_dim", qkHeadDim, "qk_nope_head_dim + qk_rope_head_dim");
  fields.optional("layer_types", listOf(LAYER_TYPES, numHiddenLayers));

  return {
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
    ropeTheta: readRopeTheta(FILE, fields, unknown),
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
}

/**
 * Reads how many experts there are. The other two names of `n_routed_experts` may contradict it:
 * transformers 5.12 writes `num_experts: 256` whatever the model has. The tensors decide then, since
 * those of the router have as many rows as there are experts.
 */
function readExperts(fields: Fields, unknown: UnknownKeys): number {
  const others = ["num_experts", "num_local_experts"].map(
    (key) => [key, fields.optional(key, positiveInteger)] as const,
  );
  const other = others.find(([, value]) => value !== undefined)?.[1];
  const said = fields.optional("n_routed_experts", positiveInteger) ?? other;
  if (said === undefined) throw fields.error("n_routed_experts", positiveInteger.what, "nothing");
  for (const [key, value] of others) {
    if (value === undefined || value === said) continue;
    unknown.note(
      `${FILE}: ${key}`,
      `${value}, but n_routed_experts is ${said}, as the tensors must be`,
    );
  }
  return said;
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
