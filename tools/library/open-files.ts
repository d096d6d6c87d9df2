/**
 * From the files of a model to a model that can run. It does not matter where the files lie.
 *
 * Next: glm.ts
 * @module
 */
import {
  ArgumentError,
  type CheckpointFiles,
  loadWeights,
  type Model,
  type ModelConfig,
  openCheckpoint,
  parseConfig,
} from "../../engine/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import { type ArithmeticOptions, type Host, newArithmetic } from "./arithmetic.ts";
import type { TemplateChoice } from "./chat-template.ts";
import { memorySize } from "./memory-size.ts";
import { readFile } from "./tokenizer-files.ts";

/** How to open a model. */
export interface OpenOptions extends ArithmeticOptions {
  /** Epsilon of the latent norms, where a config does not say it; its rms_norm_eps by default. */
  readonly latentEps?: number | undefined;
  /** Which chat template counts: the model's own (the default), or GLM-5.2's in any case. */
  readonly chatTemplate?: TemplateChoice | undefined;
  /** Told after each tensor how many bytes are read, and how many there are. */
  readonly onProgress?: OnProgress | undefined;
  /** Ends the loading: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A model in memory. Nothing of its files stays open. */
export interface LoadedModel {
  /** What runs. */
  readonly model: Model;
  /** What computes, for people: backend, threads, wide vectors. */
  readonly arithmetic: string;
  /** Ends the threads. The model cannot be used after. */
  close(): Promise<void>;
}

/**
 * Reads the config and the weights.
 *
 * @throws {ConfigError} and {WeightsError} for files that are not a model of this architecture
 */
export async function loadModel(
  files: CheckpointFiles,
  options: OpenOptions,
  host: Host,
): Promise<LoadedModel> {
  const { onProgress = () => {}, signal } = options;
  const config = await readConfig(files, options.latentEps);
  const checkpoint = await openCheckpoint(files);
  signal?.throwIfAborted();
  const { ops, arithmetic, close } = await newArithmetic(
    options,
    memorySize(config, checkpoint),
    host,
  );
  try {
    const weights = await loadWeights(ops, config, checkpoint, (done, total) => {
      signal?.throwIfAborted();
      onProgress(done, total);
    });
    return { model: { config, weights, ops }, arithmetic, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readConfig(files: CheckpointFiles, latentEps?: number): Promise<ModelConfig> {
  const bytes = await readFile(files, "config.json");
  if (!bytes) throw new ArgumentError("config.json", "expected it beside the weights, found none");
  return configOf("config.json", bytes, latentEps);
}

/** The config that these bytes of JSON describe. */
export function configOf(name: string, bytes: Uint8Array, latentEps?: number): ModelConfig {
  const json = parseJson(name, bytes, "any");
  return parseConfig(json, latentEps === undefined ? {} : { latentNormEps: latentEps });
}
