/**
 * What the attention keeps of every past position in one layer: a row of `kvLora` numbers, the
 * normed latent, and `rope` numbers, the rotated key.
 *
 * Next: index-cache.ts
 * @module
 */

import { describe, type Indices, ShapeError, type Tensor } from "../base/tensor.ts";
import { type Encoding, encode, encodedBytes } from "../numbers/row-encoding.ts";
import type { LatentRows } from "../ops/ops.ts";
import { CacheError, CacheFullError } from "./cache-error.ts";
import { latentEncodings } from "./geometry.ts";
import type { LayerPlace } from "./page-layout.ts";
import type { PageTable } from "./page-table.ts";
import type { LatentStore } from "./step-cache.ts";

/** The rows of one layer, for positions `0 … length − 1`. A row is written once, at the end. */
export class LatentCache implements LatentStore {
  readonly #table: PageTable;
  readonly #place: LayerPlace;
  readonly #encodings: readonly [latent: Encoding, kPe: Encoding];
  #length: number;

  /** @param place where this layer's rows lie in a page */
  constructor(table: PageTable, place: LayerPlace, length = 0) {
    this.#table = table;
    this.#place = place;
    this.#encodings = latentEncodings(table.pool.layout.format.latent);
    this.#length = length;
  }

  /** Number of positions that the cache holds. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends one row per query and returns all rows, old and new.
   *
   * @throws {CacheError} when the first position is not the end of the cache
   */
  append(
    positions: Int32Array,
    latent: Tensor<["T", "kvLora"]>,
    kPe: Tensor<["T", "rope"]>,
  ): LatentRows {
    const [start] = positions;
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
      const at = this.#residentAt(start + t) as number; // reserved, so it is here
      encode(latentEncoding, latent.data, t * nLatent, nLatent, view, at);
      encode(kPeEncoding, kPe.data, t * nRope, nRope, view, at + kPeAt);
    }
    this.#length = start + nT;
    return this.rows();
  }

  /** Returns all rows in the form that the ops read. */
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
      bringIn: (topK, from, at) => this.#bringIn(topK, from, at),
    };
  }

  /** Forgets the rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Holds the first `length` positions of its table, whoever wrote them. */
  adopt(length: number): void {
    this.#length = length;
  }

  /**
   * Brings rows in for as many queries as there are slots for the cold rows that they chose, and
   * begins to read what the next group may choose. See {@link LatentRows.bringIn}.
   */
  #bringIn(topK: Indices<[string, "K"]>, from: number, at: Uint32Array): number {
    const { hotRows } = this.#table.pool;
    const { group } = this.#place;
    const [nT, nK] = topK.shape;
    hotRows?.begin(group);
    let end = from;
    for (; end < nT; end++) {
      const cold: number[] = []; // places in `at`
      for (let k = 0; k < nK; k++) {
        const place = (end - from) * nK + k;
        const position = topK.data[end * nK + k];
        const address = position < 0 ? 0 : this.#residentAt(this.#checked(position, end));
        if (address === undefined) cold.push(place);
        else at[place] = address;
      }
      if (!hotRows || cold.length === 0) continue;
      const keys = cold.map((place) => this.#keyOf(topK.data[from * nK + place]));
      if (!hotRows.admit(group, keys)) break;
      cold.forEach((place, i) => {
        at[place] = hotRows.addressOf(group, keys[i]) + this.#place.rowOffset;
      });
    }
    if (end === from) throw new CacheFullError("hot rows", `no room for what query ${from} chose`);
    hotRows?.read(group);
    if (this.#place.rowOffset === 0 && end === nT) hotRows?.readAhead(group);
    return end;
  }

  /** @throws {ShapeError} when the cache does not hold `position` */
  #checked(position: number, query: number): number {
    if (position < this.#length) return position;
    throw new ShapeError(
      `latentAttention: top-k row ${query} names position ${position} of ${this.#length}`,
    );
  }

  /** The number of a row, which is the same in all timelines of the pool. */
  #keyOf(position: number): number {
    const { pool, pages } = this.#table;
    const { pageRows } = pool.layout.format;
    return pages[Math.floor(position / pageRows)] * pageRows + (position % pageRows);
  }

  /** The address of a row, if its page is in memory. */
  #residentAt(position: number): number | undefined {
    const { pool, pages } = this.#table;
    const { groups, format } = pool.layout;
    const block = pool.rowsAt(pages[Math.floor(position / format.pageRows)]);
    if (block === undefined) return undefined;
    const { offset, stride } = groups[this.#place.group];
    return block + offset + (position % format.pageRows) * stride + this.#place.rowOffset;
  }
}
