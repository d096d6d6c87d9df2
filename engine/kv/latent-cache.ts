/**
 * What the attention keeps of every past position in one layer: `kvLora` numbers of normed latent
 * and `rope` numbers of rotated key, side by side in one row.
 *
 * Next: index-cache.ts
 * @module
 */
import type { LatentRows } from "../ops/ops.ts";
import { type Encoding, encode, encodedBytes } from "../row-encoding.ts";
import { describe, type Indices, ShapeError, type Tensor } from "../tensor.ts";
import { CacheError } from "./cache-error.ts";
import { latentEncodings } from "./geometry.ts";
import type { Strip } from "./page-layout.ts";
import type { PageTable } from "./page-table.ts";

/** Rows `0 … length − 1` of one layer. A row is written once, at the end. */
export class LatentCache {
  readonly #table: PageTable;
  readonly #strip: Strip;
  readonly #encodings: readonly [latent: Encoding, kPe: Encoding];
  #length: number;

  /** @param strip where this layer's rows stand in a page */
  constructor(table: PageTable, strip: Strip, length = 0) {
    this.#table = table;
    this.#strip = strip;
    this.#encodings = latentEncodings(table.pool.layout.format.latent);
    this.#length = length;
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
  append(start: number, latent: Tensor<["T", "kvLora"]>, kPe: Tensor<["T", "rope"]>): LatentRows {
    CacheError.unlessAtEnd("latent", start, this.#length);
    const { memory, layout } = this.#table.pool;
    const { nLatent, nRope } = layout;
    const [nT] = latent.shape;
    if (latent.shape[1] !== nLatent || kPe.shape[1] !== nRope || kPe.shape[0] !== nT) {
      const got = `${describe(latent)} | ${describe(kPe)}`;
      throw new ShapeError(`latent cache: ${got} against rows of ${nLatent} | ${nRope}`);
    }
    this.#table.reserve(start + nT);
    const { view } = memory;
    const [latentEncoding, kPeEncoding] = this.#encodings;
    const kPeAt = encodedBytes(latentEncoding, nLatent);
    for (let t = 0; t < nT; t++) {
      const at = this.#addressOf(start + t);
      encode(latentEncoding, latent.data, t * nLatent, nLatent, view, at);
      encode(kPeEncoding, kPe.data, t * nRope, nRope, view, at + kPeAt);
    }
    this.#length = start + nT;
    return this.rows();
  }

  /** All rows, as the ops read them. */
  rows(): LatentRows {
    const { memory, layout } = this.#table.pool;
    const [latentEncoding, kPeEncoding] = this.#encodings;
    return {
      nS: this.#length,
      nLatent: layout.nLatent,
      nRope: layout.nRope,
      latentEncoding,
      kPeEncoding,
      kPeAt: encodedBytes(latentEncoding, layout.nLatent),
      view: memory.view,
      locate: (topK, from, at) => this.#locate(topK, from, at),
    };
  }

  /** Forgets the rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Holds what stands in the first `length` places of its table, whoever wrote it. */
  adopt(length: number): void {
    this.#length = length;
  }

  /** {@link LatentRows.locate}: everything is in memory, so all queries are served at once. */
  #locate(topK: Indices<[string, "K"]>, from: number, at: Uint32Array): number {
    const [nT, nK] = topK.shape;
    for (let i = from * nK; i < nT * nK; i++) {
      const position = topK.data[i];
      if (position >= this.#length) {
        const query = Math.floor(i / nK);
        throw new ShapeError(
          `latentAttention: top-k row ${query} names position ${position} of ${this.#length}`,
        );
      }
      at[i - from * nK] = position < 0 ? 0 : this.#addressOf(position);
    }
    return nT;
  }

  #addressOf(position: number): number {
    const { pool, pages } = this.#table;
    const { pageRows } = pool.layout.format;
    const block = pool.rowsAt(pages[Math.floor(position / pageRows)]);
    return block + this.#strip.offset + (position % pageRows) * this.#strip.stride;
  }
}
