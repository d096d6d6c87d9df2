/**
 * Weights in WebAssembly memory. A matrix lies there row by row as the checkpoint has it, except
 * that each row is filled up with zeros to a multiple of sixteen numbers.
 *
 * Matrices in f32, bf16 and fp8 stay as they are stored. Everything else, and everything with one
 * axis, is widened to f32: f16 has no kernel yet, and norms are too small to matter.
 * @module
 */
import { FP8_BLOCK, type RawTensor } from "../../raw-tensor.ts";
import { describe, type Shape, ShapeError, sizeOf, type Weight } from "../../tensor.ts";
import { decode } from "../../weights/dtypes.ts";
import type { Ops } from "../ops.ts";
import type { Arena } from "./arena.ts";
import type { Machine } from "./kernels.ts";

/** Rows are multiples of this many numbers: two rounds of the eight lanes of a dot product. */
const COLUMNS = 16;

/** Scales from here on would overflow in the fp8 kernel, which multiplies them by 2^120. */
const SCALE_LIMIT = 128;

/** Where a weight stands. A stack of matrices is one matrix after the other. */
export interface Placed {
  readonly arena: Arena;
  readonly format: "F32" | "BF16" | "FP8";
  readonly address: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Bytes from one matrix to the next. */
  readonly matrixBytes: number;
  /** Only with FP8: where the scales stand, and the bytes from one matrix's to the next's. */
  readonly scales: number;
  readonly scaleBytes: number;
}

const BYTES: Readonly<Record<Placed["format"], number>> = { F32: 4, BF16: 2, FP8: 1 };

/** The next multiple of {@link COLUMNS}. */
export function padded(n: number): number {
  return Math.ceil(n / COLUMNS) * COLUMNS;
}

/** Where `w` stands. */
export function placedOf({ arena }: Machine, w: Weight): Placed {
  const home = w.home as Partial<Placed>;
  if (home.arena === arena) return w.home as Placed;
  throw new ShapeError(`weight ${describe(w)} was placed by another backend than this one`);
}

/** The numbers of a weight with one axis. */
export function vectorOf(machine: Machine, w: Weight): Float32Array {
  return machine.arena.floats(placedOf(machine, w).address, w.shape[0]);
}

/** How a weight is kept, as told at the top of this file. */
function formatOf(raw: RawTensor, rank: number): Placed["format"] {
  if (rank === 1) return "F32";
  if (raw.dtype === "BF16") return "BF16";
  if (raw.dtype !== "F8_E4M3" || !raw.scales) return "F32";
  const hasKernel =
    raw.scales.every((scale) => Math.abs(scale) < SCALE_LIMIT) &&
    raw.bytes.every((bits) => (bits & 0x7f) !== 0x7f); // NaN
  return hasKernel ? "FP8" : "F32";
}

/** {@link Ops.place} */
export const place =
  ({ arena }: Machine): Ops["place"] =>
  <const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> => {
    const lengths: readonly number[] = shape;
    const format = formatOf(raw, lengths.length);
    const isAsStored = format !== "F32" || raw.dtype === "F32";
    const values = isAsStored ? raw.bytes : bytesOf(decode(raw));
    const elementBytes = BYTES[format];
    const nColumns = lengths[lengths.length - 1];
    const nRows = lengths.length > 1 ? lengths[lengths.length - 2] : 1;
    const nMatrices = sizeOf(lengths.slice(0, -2));
    const scalesOfOne = Math.ceil(nRows / FP8_BLOCK) * Math.ceil(nColumns / FP8_BLOCK);
    const scales = format === "FP8" ? (raw.scales ?? new Float32Array()) : undefined;
    const name = `place ${describe({ dims, shape })}`;
    if (values.length !== elementBytes * sizeOf(lengths)) {
      throw new ShapeError(`${name}: ${values.length / elementBytes} values`);
    }
    if (scales && scales.length !== nMatrices * scalesOfOne) {
      throw new ShapeError(`${name}: ${scales.length} scales`);
    }

    const stride = elementBytes * padded(nColumns);
    const address = placeRows(arena, values, nMatrices * nRows, elementBytes * nColumns, stride);
    const scalesAt = scales ? arena.stay(4 * scales.length) : 0;
    if (scales) arena.floats(scalesAt, scales.length).set(scales);
    const home: Placed = {
      arena,
      format,
      address,
      stride,
      matrixBytes: nRows * stride,
      scales: scalesAt,
      scaleBytes: 4 * scalesOfOne,
    };
    return { dims, shape, home };
  };

/** Puts rows of `rowBytes` bytes where they stay, `stride` bytes apart, zeros between them. */
function placeRows(
  arena: Arena,
  values: Uint8Array,
  nRows: number,
  rowBytes: number,
  stride: number,
): number {
  const address = arena.stay(nRows * stride);
  if (stride === rowBytes) {
    arena.bytes(address, values.length).set(values);
    return address;
  }
  for (let r = 0; r < nRows; r++) {
    const row = values.subarray(r * rowBytes, (r + 1) * rowBytes);
    arena.bytes(address + r * stride, rowBytes).set(row);
  }
  return address;
}

/** The bytes of f32 numbers; f64 are rounded first. */
function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  const { buffer } = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint8Array(buffer);
}
