/**
 * Running a model that is larger than memory: its weights come from the files when a layer needs them.
 *
 * Next: open-files.ts
 * @module
 */
import type { ModelConfig, Ops, ReadStore, StreamCounts } from "../../engine/index.ts";
import { type StreamedWeights, streamedWeights } from "../../engine/stream/streamed-weights.ts";
import type { Checkpoint } from "../../engine/weights/checkpoint.ts";
import type { MatchedTensors } from "../../engine/weights/match-tensors.ts";
import type { ModelPart } from "../../engine/weights/part.ts";
import type { MemorySize } from "./memory-size.ts";

/** The files of a streamed model. They stay open until the model is closed. */
export interface StreamSource extends ReadStore {
  /** How they are read, for people. */
  readonly how: string;
  /** Bytes that were compared with a receipt so far, if there is one. */
  readonly compared?: number;
  /** Closes them. */
  close(): Promise<void>;
}

/** How to stream. Nothing of this changes a result. */
export interface Streaming {
  /** Bytes of memory for everything. */
  readonly ram: number;
  /** Where the bytes come from; they are closed with the model. */
  readonly files: StreamSource;
  /** The most routed experts that each layer keeps; by default as many as there is room for. */
  readonly expertsPerLayer?: number | undefined;
  /** How many experts of the next layer are guessed for each token, and read ahead; 4 by default. */
  readonly guesses?: number | undefined;
  /** Told after each layer of each step: layers done, and all. */
  readonly onLayer?: ((done: number, total: number) => void) | undefined;
  /** The part of the model that is needed; by default all of it. */
  readonly part?: ModelPart | undefined;
}

/** What a streamed model has done so far. */
export interface StreamReport extends StreamCounts {
  /** How its files are read. */
  readonly how: string;
  /** Bytes that were compared with a receipt of the files. */
  readonly compared: number;
}

/** The share of memory that is for caches and for the steps themselves, and the least of it. */
const SHARE_OF_STEPS = 1 / 4;
const LEAST_FOR_STEPS = 2 ** 28;

/**
 * Half of what a token of GLM-5.2 visits in a layer. The likeliest half is right more often than the other,
 * and a wrong guess costs a read.
 */
const GUESSES = 4;

/** Bytes that are left for weights. */
function forWeights(ram: number): number {
  return Math.max(0, ram - Math.max(SHARE_OF_STEPS * ram, LEAST_FOR_STEPS));
}

/** What the wasm backend reserves. */
export function streamMemory(ram: number): MemorySize {
  return { wanted: ram, least: ram };
}

/** Weights that are read when they are needed. */
export function openStream(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
  matched: MatchedTensors,
  { ram, files, expertsPerLayer, guesses = GUESSES, onLayer }: Streaming,
): { readonly weights: StreamedWeights; readonly report: () => StreamReport } {
  const sources = { checkpoint, store: files };
  const weights = streamedWeights(ops, config, sources, matched, {
    bytes: forWeights(ram),
    guesses,
    ...(expertsPerLayer !== undefined && { expertsPerLayer }),
    ...(onLayer && { onLayer }),
  });
  return {
    weights,
    report: () => ({ ...weights.counts(), how: files.how, compared: files.compared ?? 0 }),
  };
}
