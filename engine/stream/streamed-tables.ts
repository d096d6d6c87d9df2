/**
 * The embedding and the head of a model that is larger than memory. They are the two largest matrices
 * outside the experts. Of the embedding, the rows of the tokens at hand are read; the head passes through
 * memory in blocks of rows, if there is no room for all of it.
 *
 * Each number of an embedding, and each logit, is made of one row alone. So the results are those of the
 * whole matrices.
 *
 * Next: streamed-weights.ts
 * @module
 */
import { floatsLike, type Weight } from "../base/tensor.ts";
import { checkEmbed, checkLinear } from "../ops/doors.ts";
import type { Ops, Shelf } from "../ops/ops.ts";
import type { TensorSpec } from "../weights/names.ts";
import type { Sources } from "./delivery.ts";
import { RowBlocks, type RowsUnderWay, rowsOfBlock } from "./row-blocks.ts";

/** A matrix whose rows are read when they are needed. */
export type TableSpec = TensorSpec<["vocab", "hidden"]>;

/** What tables have cost. */
export interface TableCounts {
  bytesRead: number;
  /** Milliseconds in which nothing was computed, because rows had not arrived. */
  waitedMs: number;
}

/** Where a table stands: in the files. */
interface Home {
  readonly table: RowBlocks;
}

/** Ops that read tables, and the tables themselves. */
export class StreamedTables {
  readonly counts: TableCounts = { bytesRead: 0, waitedMs: 0 };
  /** The ops of the backend, for a model with such tables. */
  readonly ops: Ops;
  readonly #ops: Ops;
  readonly #sources: Sources;
  readonly #blockBytes: number;
  /** What they read onto. */
  readonly shelves: readonly [Shelf, Shelf];

  /** @param blockBytes bytes of a block of rows; two of them are in memory */
  constructor(ops: Ops, sources: Sources, blockBytes: number) {
    this.#ops = ops;
    this.#sources = sources;
    this.#blockBytes = blockBytes;
    this.shelves = [ops.shelf(), ops.shelf()];
    this.ops = { ...ops, embed: this.#embed, linear: this.#linear };
  }

  /** A weight that {@link ops} read row by row. Nothing of it is read yet. */
  table(spec: TableSpec): Weight<["vocab", "hidden"]> {
    const home: Home = { table: new RowBlocks(this.#sources, spec) };
    return { dims: spec.axes, shape: spec.shape, home };
  }

  readonly #embed: Ops["embed"] = (tokens, weight) => {
    const { table } = weight.home as Partial<Home>;
    if (!table) return this.#ops.embed(tokens, weight);
    checkEmbed(tokens, weight);
    const { unit, nRows } = table;
    const units = [...new Set(Array.from(tokens, (token) => Math.floor(token / unit)))];
    units.sort((a, b) => a - b);
    const ranges = units.map((u) => ({ from: u * unit, to: Math.min(nRows, (u + 1) * unit) }));
    const [shelf] = this.shelves;
    const raw = this.#arrived(table.begin(shelf, ranges));
    const few = shelf.place(["vocab", "hidden"], [raw.shape[0], weight.shape[1]], raw);
    const places = new Map(units.map((u, i) => [u, i * unit]));
    const rows = tokens.map((t) => (places.get(Math.floor(t / unit)) ?? 0) + (t % unit));
    return this.#ops.embed(rows, few);
  };

  readonly #linear: Ops["linear"] = (x, weight) => {
    const { table } = weight.home as Partial<Home>;
    if (!table) return this.#ops.linear(x, weight);
    checkLinear(x, weight);
    const { nRows, rowBytes } = table;
    const step = rowsOfBlock(rowBytes, this.#blockBytes);
    const [nT, nI] = x.shape;
    const y = floatsLike(x.data, nT * nRows);
    const begin = (from: number): RowsUnderWay =>
      table.begin(this.shelves[(from / step) % 2], [{ from, to: Math.min(nRows, from + step) }]);
    let next = begin(0);
    try {
      for (let from = 0; from < nRows; from += step) {
        const raw = this.#arrived(next);
        if (from + step < nRows) next = begin(from + step);
        const [nO] = raw.shape;
        const mark = this.#ops.mark();
        const block = this.shelves[(from / step) % 2].place(weight.dims, [nO, nI], raw);
        const part = this.#ops.linear(x, block).data;
        for (let t = 0; t < nT; t++) {
          y.set(part.subarray(t * nO, (t + 1) * nO), t * nRows + from);
        }
        this.#ops.release(mark);
      }
    } finally {
      next.cancel();
    }
    return this.#ops.tensor([x.dims[0], weight.dims[0]], [nT, nRows], y);
  };

  #arrived(rows: RowsUnderWay): ReturnType<RowsUnderWay["arrive"]> {
    this.counts.bytesRead += rows.bytes;
    const begun = performance.now();
    const raw = rows.arrive();
    this.counts.waitedMs += performance.now() - begun;
    return raw;
  }
}
