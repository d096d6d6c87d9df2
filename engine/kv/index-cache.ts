/**
 * What the indexer keeps of every past position in one FULL layer: one key, normed and rotated.
 * Layers that share a selection own none of these.
 * @module
 */
import type { ModelConfig } from "../model-config.ts";
import type { Ops, Rows } from "../ops/ops.ts";
import type { Tensor } from "../tensor.ts";
import { CacheError } from "./cache-error.ts";

/** Keys `0 … length − 1` of one full layer. */
export class IndexCache {
  readonly #keys: Rows<"rope+idxNope">;
  #length = 0;

  constructor(ops: Ops, cfg: ModelConfig, capacity: number) {
    this.#keys = ops.newRows("rope+idxNope", cfg.indexHeadDim, capacity);
  }

  /** Number of positions held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends one key per query and returns all keys, old and new.
   *
   * @throws {CacheError} when `start` is not the end of the cache
   */
  append(
    ops: Ops,
    start: number,
    keys: Tensor<["T", "rope+idxNope"]>,
  ): Tensor<["S", "rope+idxNope"]> {
    CacheError.unlessAtEnd("index", start, this.#length);
    ops.writeRows(this.#keys, start, keys);
    this.#length = start + keys.shape[0];
    return ops.readRows(this.#keys, this.#length);
  }

  /** Forgets the keys from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }
}
