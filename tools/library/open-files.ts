/**
 * From the files of a model to a model that can run. It does not matter where the files lie.
 *
 * Next: glm.ts
 * @module
 */

import type { Quantization } from "../../engine/config/quantization.ts";
import {
  ArgumentError,
  type Aside,
  type CheckpointFiles,
  type Model,
  type SamplingOptions,
} from "../../engine/index.ts";
import { loadMatched, type OnProgress } from "../../engine/weights/load.ts";
import { type MtpWish, matchTensors } from "../../engine/weights/match-tensors.ts";
import { openPart } from "../../engine/weights/part.ts";
import { type ArithmeticOptions, type Host, newArithmetic } from "./arithmetic.ts";
import type { TemplateChoice } from "./chat-template.ts";
import { memorySize } from "./memory-size.ts";
import { type ModelConfigOptions, readModelConfig } from "./model-config.ts";
import { openStream, type Streaming, type StreamReport, streamMemory } from "./streaming.ts";

/** How to open a model. */
export interface OpenOptions extends ArithmeticOptions, Omit<ModelConfigOptions, "use"> {
  /**
   * Whether to load the MTP layer, which `draft` needs: `load` it, `skip` it, or load it `ifUsable`
   * (the default), so that a fault in it stops nobody who does not ask for guesses.
   */
  readonly mtp?: MtpWish | undefined;
  /** Which chat template counts: the model's own (the default), or GLM-5.2's in any case. */
  readonly chatTemplate?: TemplateChoice | undefined;
  /** Runs the model from its files, within this much memory; see streaming.ts. */
  readonly stream?: Streaming | undefined;
  /** Room for the rows of many texts at once; by default there is room for those of one, and some more. */
  readonly rowBytes?: number | undefined;
  /** Told after each tensor how many bytes are read, and how many there are. */
  readonly onProgress?: OnProgress | undefined;
  /** Ends the loading: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A model that can run. Nothing of its files stays open, unless it is streamed. */
export interface LoadedModel {
  /** What runs. */
  readonly model: Model;
  /** What computes, for people: backend, threads, wide vectors. */
  readonly arithmetic: string;
  /** How the model's makers want its tokens chosen. */
  readonly sampling: SamplingOptions;
  /** What was taken for granted and changes results, in a sentence for people. */
  readonly assumed?: string | undefined;
  /** What the files hold that cannot change a result, and was left aside. */
  readonly asides: readonly Aside[];
  /** What a streamed model has read so far; undefined for one in memory. */
  readonly streamed?: (() => StreamReport) | undefined;
  /** Ends the threads. The model cannot be used after. */
  close(): Promise<void>;
}

/**
 * Reads the config and the weights.
 *
 * @throws {ConfigError} and {WeightsError} for files that are not a model of this architecture
 * @throws {ArgumentError} when the MTP layer is to be loaded and there is none
 */
export async function loadModel(
  files: CheckpointFiles,
  options: OpenOptions,
  host: Host,
): Promise<LoadedModel> {
  const { onProgress = () => {}, signal, mtp = "ifUsable" } = options;
  const { config, sampling, asides, quantization } = await readModelConfig(files, options);
  const { stream } = options;
  const checkpoint = await openPart(files, config, stream?.part);
  const matched = matchTensors(config, checkpoint, mtp, stream?.part);
  if (mtp === "load" && matched.noMtp !== undefined) {
    throw new ArgumentError("draft", `this checkpoint has no MTP layer: ${matched.noMtp}`);
  }
  signal?.throwIfAborted();
  const { ops, arithmetic, close } = await newArithmetic(
    withMode(options, quantization),
    stream ? streamMemory(stream.ram) : memorySize(config, matched.bytes, options.rowBytes),
    host,
  );
  const assumed = assumption(options, quantization);
  const about = { arithmetic, sampling, assumed, asides: [...asides, ...matched.asides] };
  if (stream) {
    const { weights, report } = openStream(ops, config, checkpoint, matched, stream);
    const model = { config, weights, ops: weights.ops };
    return {
      ...about,
      model,
      streamed: report,
      close: async () => {
        weights.close();
        await Promise.all([stream.files.close(), close()]);
      },
    };
  }
  try {
    const progress: OnProgress = (done, total) => {
      signal?.throwIfAborted();
      onProgress(done, total);
    };
    const how = { onProgress: progress, mtp };
    const weights = await loadMatched(ops, config, checkpoint, matched, how);
    const model = { config, weights, ops };
    return { ...about, model, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The options with the numeric mode that the folder names, where they name none. */
function withMode(options: OpenOptions, quantization: Quantization | undefined): OpenOptions {
  const activations = options.activations ?? quantization?.activations;
  return options.ops || activations === undefined ? options : { ...options, activations };
}

/** Says which numeric mode was taken where neither the caller nor the folder names one. */
function assumption(
  options: OpenOptions,
  quantization: Quantization | undefined,
): string | undefined {
  const isNamed = options.ops !== undefined || options.activations !== undefined;
  if (isNamed || quantization?.namesActivations !== false) return undefined;
  const { name, activations } = quantization;
  return `${name}: activations are rounded to ${activations}, since the folder names no mode; f32 rounds nothing`;
}
