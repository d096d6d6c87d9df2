/**
 * The races: which formats run against each other, and how far engines may be off in each.
 * @module
 */
import type { Limit } from "./agreement.ts";
import type { Job } from "./protocol.ts";

/** One format of ours and its nearest of llama.cpp's. */
export interface Race {
  /** Our folder. */
  readonly ours: string;
  /** llama.cpp rounds activations to int8 for its formats in groups; so do we there. */
  readonly activations: Job["activations"];
  /** llama.cpp's file. */
  readonly gguf: string;
  /** From our run of the same folder with activations in f32. */
  readonly limit: Limit;
}

/**
 * Sums in another order and rows of caches in f16. The mean has room for choices of experts that
 * tip over at a few positions, as they do for random numbers.
 */
const FLOAT: Limit = { meanKl: 0.05, medianKl: 1e-3 };

/** By the names that `--types` takes. */
export const RACES: Readonly<Record<string, Race>> = {
  f32: { ours: "f32", activations: "f32", gguf: "f32.gguf", limit: FLOAT },
  f16: { ours: "f16", activations: "f32", gguf: "f16.gguf", limit: FLOAT },
  bf16: { ours: "bf16", activations: "f32", gguf: "f16.gguf", limit: FLOAT },
  q8: { ours: "q8", activations: "int8", gguf: "q8_0.gguf", limit: { meanKl: 0.2, medianKl: 0.1 } },
  q4: { ours: "q4", activations: "int8", gguf: "q4_0.gguf", limit: { meanKl: 0.4, medianKl: 0.3 } },
};
