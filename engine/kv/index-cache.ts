/**
 * What the indexer keeps of every past position in one full layer: a key, normed and rotated.
 * Layers that borrow a selection keep none.
 *
 * Next: model-cache.ts
 * @module
 */

import { describe, ShapeError, type Tensor } from "../base/tensor.ts";
import { encode } from "../numbers/row-encoding.ts";
import type { KeyRows } from "../ops/ops.ts";
import { CacheError } from "./cache-error.ts";
import type { Strip } from "./page-layout.ts";
import type { PageTable } from "./page-table.ts";
import type { IndexStore, KeysInSight } from "./step-cache.ts";

/** The keys of one full layer, for positions `0 … length − 1`. */
export class IndexCache implements IndexStore {
  readonly #table: PageTable;
  readonly #strip: Strip;
  #length: number;

  /** @param strip where this layer's keys lie in a page */
  constructor(table: PageTable, strip: Strip, length = 0) {
    this.#table = table;
    this.#strip = strip;
    this.#length = length;
  }

  /** Number of positions that the cache holds. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends one key per query and returns all keys, old and new.
   *
   * @throws {CacheError} when the first position is not the end of the cache
   */
  append(positions: Int32Array, keys: Tensor<["T", "rope+idxNope"]>): readonly [KeysInSight] {
    const [start] = positions;
    CacheError.unlessAtEnd("index", start, this.#length);
    const { pool } = this.#table;
    const { nKey, format } = pool.layout;
    const [nT, nWidth] = keys.shape;
    if (nWidth !== nKey) {
      throw new ShapeError(`index cache: ${describe(keys)} against keys of ${nKey}`);
    }
    this.#table.reserve(start + nT);
    const { view } = pool.memory;
    for (let t = 0; t < nT; t++) {
      encode(format.index, keys.data, t * nKey, nKey, view, this.#addressOf(start + t));
    }
    this.#length = start + nT;
    return [{ keys: this.rows(), from: 0, to: nT, start }];
  }

  /** Returns all keys in the form that the ops read. */
  rows(): KeyRows<"rope+idxNope"> {
    const { memory, layout } = this.#table.pool;
    return {
      width: "rope+idxNope",
      nS: this.#length,
      nWidth: layout.nKey,
      encoding: layout.format.index,
      view: memory.view,
      blocks: this.#table.keyBlocks,
      pageRows: layout.format.pageRows,
      ...this.#strip,
    };
  }

  /** Forgets the keys from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Holds the first `length` positions of its table, whoever wrote them. */
  adopt(length: number): void {
    this.#length = length;
  }

  #addressOf(position: number): number {
    const { pageRows } = this.#table.pool.layout.format;
    const block = this.#table.keyBlocks[Math.floor(position / pageRows)];
    return block + this.#strip.offset + (position % pageRows) * this.#strip.stride;
  }
}
