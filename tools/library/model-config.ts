/**
 * What the two config files of a model say together.
 *
 * Next: open-files.ts
 * @module
 */

import { UnknownKeys } from "../../engine/config/unknown-keys.ts";
import {
  ArgumentError,
  type Aside,
  type CheckpointFiles,
  type ConfigReading,
  readConfig,
  type SamplingOptions,
} from "../../engine/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import { GENERATION_CONFIG, readGeneration } from "./generation-config.ts";
import { readSmall } from "./small-files.ts";

/** How to read the config of a model. */
export interface ModelConfigOptions {
  /** Epsilon of the latent norms, where a config does not say it; its rms_norm_eps by default. */
  readonly latentEps?: number | undefined;
  /**
   * Unknown keys of config.json or generation_config.json that the caller knows to change nothing,
   * such as `sliding_window`, or `rope_parameters.factor` for one in an inner object.
   */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** To `run` the model (the default), or for its `lengths` alone, however it is quantised. */
  readonly use?: "run" | "lengths" | undefined;
}

/** The config of a model, its defaults for sampling, and what was left aside. */
export interface ModelConfigReading extends ConfigReading {
  /** How tokens are chosen when nobody says otherwise. */
  readonly sampling: SamplingOptions;
  /** What would stop a run; only where the files are read for lengths. */
  readonly stops: readonly Aside[];
}

/**
 * Reads config.json, and generation_config.json if it is there.
 *
 * A text ends at the tokens of both files, as in HF transformers and vLLM.
 *
 * @throws {ConfigError} for their content, {ArgumentError} when there is no config.json
 */
export async function readModelConfig(
  files: CheckpointFiles,
  options: ModelConfigOptions = {},
): Promise<ModelConfigReading> {
  const bytes = await readSmall(files, "config.json");
  if (!bytes) throw new ArgumentError("config.json", "expected it beside the weights, found none");
  const unknown = new UnknownKeys(options.ignoreConfigKeys, options.use);
  const { config, quantization } = readConfig(
    parseJson("config.json", bytes, "any"),
    { latentNormEps: options.latentEps, use: options.use },
    unknown,
  );
  const beside = await readSmall(files, GENERATION_CONFIG);
  const { sampling, eosTokenIds } = beside
    ? readGeneration(parseJson(GENERATION_CONFIG, beside, "any"), unknown)
    : { sampling: {}, eosTokenIds: [] };
  unknown.finish();

  const ids = [...new Set([...config.eosTokenIds, ...eosTokenIds])];
  const none = ids.filter((id) => id >= config.vocabSize);
  if (none.length > 0) {
    unknown.note(`eos_token_id: ${none.join(", ")}`, `vocab_size is ${config.vocabSize}`);
  }
  return {
    config: { ...config, eosTokenIds: ids.filter((id) => id < config.vocabSize) },
    quantization,
    sampling,
    asides: unknown.asides,
    stops: unknown.stops,
  };
}
