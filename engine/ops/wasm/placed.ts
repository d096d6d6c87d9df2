/**
 * Weights in WebAssembly memory. A matrix lies there row by row as the checkpoint has it, except
 * that each row is filled up with zeros to a multiple of eight numbers.
 *
 * f32 and bf16 matrices stay as they are stored. Everything else, and everything with one axis, is
 * widened to f32: f16 and fp8 have no kernel yet, and norms are too small to matter.
 * @module
 */
import type { RawTensor } from "../../raw-tensor.ts";
import { describe, type Shape, ShapeError, sizeOf, type Weight } from "../../tensor.ts";
import { decode } from "../../weights/dtypes.ts";
import type { Ops } from "../ops.ts";
import type { Arena } from "./arena.ts";
import type { Machine } from "./kernels.ts";

/** Rows are multiples of this many numbers: the lanes of a dot product. */
const LANES = 8;

/** Where a weight stands. */
export interface Placed {
  readonly arena: Arena;
  readonly address: number;
  readonly format: "F32" | "BF16";
  /** Bytes from one row to the next. */
  readonly stride: number;
}

/** The next multiple of {@link LANES}. */
export function padded(n: number): number {
  return Math.ceil(n / LANES) * LANES;
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

export const place =
  ({ arena }: Machine): Ops["place"] =>
  <const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> => {
    const lengths: readonly number[] = shape;
    const isBf16 = raw.dtype === "BF16" && lengths.length > 1;
    const values = isBf16 || raw.dtype === "F32" ? raw.bytes : bytesOf(decode(raw));
    const elementBytes = isBf16 ? 2 : 4;
    if (values.length !== elementBytes * sizeOf(lengths)) {
      const n = values.length / elementBytes;
      throw new ShapeError(`place ${describe({ dims, shape })}: ${n} values`);
    }
    const nColumns = lengths[lengths.length - 1];
    const rowBytes = elementBytes * nColumns;
    const stride = elementBytes * padded(nColumns);
    const nRows = sizeOf(lengths) / nColumns;
    const address = arena.stay(nRows * stride);
    if (stride === rowBytes) arena.bytes(address, values.length).set(values);
    else {
      for (let r = 0; r < nRows; r++) {
        const row = values.subarray(r * rowBytes, (r + 1) * rowBytes);
        arena.bytes(address + r * stride, rowBytes).set(row);
      }
    }
    const home: Placed = { arena, address, format: isBf16 ? "BF16" : "F32", stride };
    return { dims, shape, home };
  };

/** The bytes of f32 numbers; f64 are rounded first. */
function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  const { buffer } = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint8Array(buffer);
}
