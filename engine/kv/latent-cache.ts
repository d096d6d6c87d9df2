/**
 * What the attention keeps of every past position in one layer: `kvLora` numbers of normed latent
 * and `rope` numbers of rotated key.
 * @module
 */
import type { ModelConfig } from "../model-config.ts";
import type { LatentRows, Ops, Rows } from "../ops/ops.ts";
import type { Tensor } from "../tensor.ts";
import { CacheError } from "./cache-error.ts";

/** Rows `0 … length − 1` of one layer. A row is written once, at the end. */
export class LatentCache {
  readonly #latent: Rows<"kvLora">;
  readonly #kPe: Rows<"rope">;
  #length = 0;

  constructor(ops: Ops, cfg: ModelConfig, capacity: number) {
    this.#latent = ops.newRows("kvLora", cfg.kvLoraRank, capacity);
    this.#kPe = ops.newRows("rope", cfg.qkRopeHeadDim, capacity);
  }

  /** Number of positions held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends one row per query and returns all rows, old and new.
   *
   * @throws {CacheError} when `start` is not the end of the cache
   */
  append(
    ops: Ops,
    start: number,
    latent: Tensor<["T", "kvLora"]>,
    kPe: Tensor<["T", "rope"]>,
  ): LatentRows {
    CacheError.unlessAtEnd("latent", start, this.#length);
    ops.writeRows(this.#latent, start, latent);
    ops.writeRows(this.#kPe, start, kPe);
    this.#length = start + latent.shape[0];
    return {
      latent: ops.readRows(this.#latent, this.#length),
      kPe: ops.readRows(this.#kPe, this.#length),
    };
  }

  /** Forgets the rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }
}
