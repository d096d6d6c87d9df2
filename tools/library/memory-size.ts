/**
 * How much memory the wasm backend reserves for a model. That costs address space, not memory: the system
 * gives a page when it is first written.
 * @module
 */
import type { ModelConfig } from "../../engine/index.ts";
import { positionBytes } from "../../engine/kv/geometry.ts";
import { LARGEST_MEMORY } from "../../engine/ops/wasm/index.ts";

/** For what a step needs besides: scores of all positions, activations, lists. */
const STEP_BYTES = 2 ** 30;

/** Bytes to reserve. */
export interface MemorySize {
  /** Enough for the model's whole context, or for as much of it as one memory can hold. */
  readonly wanted: number;
  /** Enough for weights and a short context, where the system does not give what is wanted. */
  readonly least: number;
}

/**
 * Room for the weights, twice over since some are widened, for a step, and for caches in f32. Caches can
 * only be in the first memory of WebAssembly, so when it is too small for all, the weights get others.
 *
 * @param bytes of the tensors that are loaded, as they are stored
 * @param rowBytes room for the rows of many texts
 */
export function memorySize(config: ModelConfig, bytes: number, rowBytes = 0): MemorySize {
  const weights = 2 * bytes;
  const { latent, index } = positionBytes(config, "f32", "f32");
  // Half of what is left may become rows.
  const caches = Math.max(config.maxPositionEmbeddings * (latent + index), 2 * rowBytes);
  const all = STEP_BYTES + weights + caches;
  return {
    wanted: all <= LARGEST_MEMORY ? all : LARGEST_MEMORY + weights,
    least: STEP_BYTES + weights,
  };
}
