/**
 * The caches as a step of the model sees them: it appends rows, and gets back all that each query may see.
 *
 * Who reads how one text is run needs to know no more: the rows of a step are successive positions of one
 * timeline, and its caches are {@link ModelCache}. crowd.ts has caches for steps with rows of several.
 *
 * Next: ../numbers/row-encoding.ts, then latent-cache.ts
 * @module
 */
import type { Tensor } from "../base/tensor.ts";
import type { KeyRows, LatentRows } from "../ops/ops.ts";

/** The caches of all layers. */
export interface StepCache {
  /** The caches of each layer, in order. */
  readonly layers: readonly LayerCache[];
}

/** The caches of one layer. */
export interface LayerCache {
  /** The rows that the attention reads. */
  readonly latent: LatentStore;
  /** The keys that the indexer reads. Only full layers have it. */
  readonly index: IndexStore | undefined;
}

/** Where the attention of one layer keeps its rows. */
export interface LatentStore {
  /**
   * Appends one row per query and returns all rows, old and new.
   *
   * @throws {CacheError} when the positions are not those after the last
   */
  append(
    positions: Int32Array,
    latent: Tensor<["T", "kvLora"]>,
    kPe: Tensor<["T", "rope"]>,
  ): LatentRows;
}

/** Where the indexer of one layer keeps its keys. */
export interface IndexStore {
  /**
   * Appends one key per query and returns all keys, old and new: one item for each timeline that the
   * queries are of, in the order of the queries.
   *
   * @throws {CacheError} when the positions are not those after the last
   */
  append(positions: Int32Array, keys: Tensor<["T", "rope+idxNope"]>): readonly KeysInSight[];
}

/** The keys that some queries of a step may see: those of their own timeline. */
export interface KeysInSight {
  /** The keys. */
  readonly keys: KeyRows<"rope+idxNope">;
  /** The first of these queries. */
  readonly from: number;
  /** The first query after them. */
  readonly to: number;
  /** Position of the first of these queries; the others are at the positions after it. */
  readonly start: number;
}
