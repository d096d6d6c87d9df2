/**
 * The races: which formats run against each other, and how far engines may be off in each.
 * @module
 */
import type { Limit } from "./agreement.ts";
import type { Job } from "./protocol.ts";

/** A weight format of this engine, and the most similar one of llama.cpp. */
export interface Race {
  /** The folder of the model for this engine. */
  readonly ours: string;
  /** llama.cpp rounds activations to int8 in its formats with groups, so this engine does too. */
  readonly activations: Job["activations"];
  /** The file of the model for llama.cpp. */
  readonly gguf: string;
  /**
   * How far engines may be from a run of this engine on the same folder with activations in f32.
   */
  readonly limit: Limit;
}

/**
 * The limit for float formats. Engines differ by the order of sums, and some keep cached rows in
 * f16. The mean may be larger than the median, because at a few positions rounding changes which
 * experts are chosen; with random weights this is frequent.
 */
const FLOAT: Limit = { meanKl: 0.05, medianKl: 1e-3 };

/** The races by the names that `--types` takes. */
export const RACES: Readonly<Record<string, Race>> = {
  f32: { ours: "f32", activations: "f32", gguf: "f32.gguf", limit: FLOAT },
  f16: { ours: "f16", activations: "f32", gguf: "f16.gguf", limit: FLOAT },
  bf16: { ours: "bf16", activations: "f32", gguf: "f16.gguf", limit: FLOAT },
  q8: { ours: "q8", activations: "int8", gguf: "q8_0.gguf", limit: { meanKl: 0.2, medianKl: 0.1 } },
  q4: { ours: "q4", activations: "int8", gguf: "q4_0.gguf", limit: { meanKl: 0.4, medianKl: 0.3 } },
};
