/**
 * Matrices with more rows than one wants in memory: some rows of a stored matrix, seen as a matrix.
 *
 * Next: streamed-tables.ts
 * @module
 */

import { FP8_BLOCK, type RawTensor } from "../numbers/raw-tensor.ts";
import type { Shelf } from "../ops/ops.ts";
import { answeredNow } from "../weights/asking.ts";
import type { CheckpointEntry, StoredTensor } from "../weights/checkpoint.ts";
import type { TensorSpec } from "../weights/names.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";

/** Rows `from … to − 1`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Rows of a matrix that are being read. */
export interface RowsUnderWay {
  /** Bytes of the rows. */
  readonly bytes: number;
  /** Waits for them. They are in the order of the ranges. */
  arrive(): RawTensor;
  /** Gives up what has not begun, and waits for the rest. */
  cancel(): void;
}

/** Blocks have at least so many rows: as many as share a scale in fp8. */
const LEAST_ROWS = 128;

/**
 * Rows of a block of about so many bytes: a power of two, so that blocks of the released head are whole
 * blocks of a receipt.
 */
export function rowsOfBlock(rowBytes: number, bytes: number): number {
  return Math.max(LEAST_ROWS, 2 ** Math.floor(Math.log2(Math.max(1, bytes / rowBytes))));
}

/** A matrix of the files that is read in ranges of rows. */
export class RowBlocks {
  /** A range begins at a multiple of this: rows of fp8 have scales in common. */
  readonly unit: number;
  readonly nRows: number;
  /** Bytes of one row, without scales. */
  readonly rowBytes: number;
  readonly #sources: Sources;
  readonly #name: string;

  constructor(sources: Sources, { name, shape }: TensorSpec) {
    const { dtype, length } = sources.checkpoint.tensors.get(name) as CheckpointEntry;
    this.#sources = sources;
    this.#name = name;
    this.nRows = shape[0];
    this.rowBytes = length / shape[0];
    this.unit = dtype === "F8_E4M3" ? FP8_BLOCK : 1;
  }

  /** Begins to read ranges, ascending, onto a shelf that has nothing else to hold. */
  begin(shelf: Shelf, ranges: readonly RowRange[]): RowsUnderWay {
    shelf.clear();
    const { checkpoint, store } = this.#sources;
    const tensors = new Map<string, CheckpointEntry>();
    const pieces = ranges.map(({ from, to }) => {
      const piece = `${this.#name}[${from} … ${to - 1}]`;
      for (const stored of storedNames(checkpoint, this.#name)) {
        const entry = checkpoint.tensors.get(stored) as CheckpointEntry;
        tensors.set(piece + stored.slice(this.#name.length), this.#rowsOf(entry, from, to));
      }
      return piece;
    });
    const sources = { store, checkpoint: { ...checkpoint, tensors } };
    const delivery = new Delivery(sources, shelf, [...tensors.keys()]);
    const stored = (name: string) => delivery.stored(name) as StoredTensor;
    return {
      bytes: delivery.bytes,
      arrive: () => {
        delivery.arrive();
        const parts = pieces.map((piece) => {
          const check = finiteCheck(sources, piece, shelf.areFinite);
          return answeredNow(stored, rawTensor(sources.checkpoint, piece, check));
        });
        return parts.length === 1 ? parts[0] : joined(parts);
      },
      cancel: () => {
        delivery.cancel();
      },
    };
  }

  /** These rows of a stored tensor: of the matrix itself, or of its scales, which may have fewer rows. */
  #rowsOf(entry: CheckpointEntry, from: number, to: number): CheckpointEntry {
    const [nStored, ...rest] = entry.shape;
    const perRow = nStored === this.nRows ? 1 : this.unit;
    const [first, end] = [from / perRow, Math.ceil(to / perRow)];
    const bytes = entry.length / nStored;
    return {
      ...entry,
      shape: [end - first, ...rest],
      offset: entry.offset + first * bytes,
      length: (end - first) * bytes,
    };
  }
}

/** Matrices of the same width, one below the other. */
function joined(parts: readonly RawTensor[]): RawTensor {
  const [{ dtype, shape, scales, groupScales }] = parts;
  const all = <A extends Uint8Array | Uint16Array | Float32Array>(
    empty: (length: number) => A,
    of: (part: RawTensor) => A | undefined,
  ): A => {
    const arrays = parts.flatMap((part) => of(part) ?? []);
    const result = empty(arrays.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const array of arrays) {
      result.set(array, at);
      at += array.length;
    }
    return result;
  };
  const nRows = parts.reduce((sum, part) => sum + part.shape[0], 0);
  return {
    dtype,
    shape: [nRows, ...shape.slice(1)],
    bytes: all(
      (n) => new Uint8Array(n),
      ({ bytes }) => bytes,
    ),
    ...(scales && {
      scales: all(
        (n) => new Float32Array(n),
        (part) => part.scales,
      ),
    }),
    ...(groupScales && {
      groupScales: all(
        (n) => new Uint16Array(n),
        (part) => part.groupScales,
      ),
    }),
    isFinite: true,
  };
}
