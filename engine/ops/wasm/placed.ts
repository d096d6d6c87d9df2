/**
 * Weights in WebAssembly memory, each matrix in one of the memories, in the form that its kernel
 * wants:
 *
 * - f32, bf16, f16 and fp8 row by row as the checkpoint has them, each row filled up with zeros;
 * - q8 and q4 in panels of some rows (kernels-as/assembly/panels.ts).
 *
 * {@link Layout} tells how wide rows are and how many make a panel.
 *
 * Everything else, and everything with one axis, is widened to f32.
 * @module
 */

import { describe, type Shape, ShapeError, sizeOf, type Weight } from "../../base/tensor.ts";
import { decode, isNaNInE4m3 } from "../../numbers/formats.ts";
import { BYTES_PER_ELEMENT, FP8_BLOCK, GROUP, type RawTensor } from "../../numbers/raw-tensor.ts";
import { checkDone, checkPlace, checkPut } from "../doors.ts";
import type { Ops, StackPlacer } from "../ops.ts";
import type { Bank } from "./bank.ts";
import type { Machine } from "./machine.ts";
import { share } from "./team.ts";

/** What a matrix is stored in. */
export type Format = "F32" | "BF16" | "F16" | "FP8" | "Q8" | "Q4";

/** One matrix. */
export interface Matrix {
  readonly format: Format;
  /** Which of the memories. */
  readonly bank: number;
  readonly address: number;
  /** Bytes from one row to the next; in Q8 and Q4 from one panel to the next. */
  readonly stride: number;
  /** Only with FP8: where its scales stand. */
  readonly scales: number;
}

/** Where a weight stands: one matrix, or a stack of them. */
export interface Placed {
  readonly machine: Machine;
  readonly matrices: readonly Matrix[];
}

const BYTES: Readonly<Record<Exclude<Format, "Q8" | "Q4">, number>> = {
  F32: 4,
  BF16: 2,
  F16: 2,
  FP8: 1,
};

/** The width of a row of `n` numbers once it is filled up with zeros. */
export function padded({ layout: { columns } }: Machine, n: number): number {
  return Math.ceil(n / columns) * columns;
}

/** Where `w` stands. */
export function placedOf(machine: Machine, w: Weight): Placed {
  const home = w.home as Partial<Placed>;
  if (home.machine === machine) return w.home as Placed;
  throw new ShapeError(`weight ${describe(w)} was placed by another backend than this one`);
}

/** The numbers of a weight with one axis. */
export function vectorOf(machine: Machine, w: Weight): Float32Array {
  const [{ address }] = placedOf(machine, w).matrices;
  return machine.arena.floats(address, w.shape[0]);
}

/** {@link Ops.place} */
export const place =
  (machine: Machine): Ops["place"] =>
  <const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> => {
    checkPlace(dims, shape, raw);
    const lengths: readonly number[] = shape;
    const [nRows, nColumns] = lengths.length > 1 ? lengths.slice(-2) : [1, lengths[0]];
    const nMatrices = sizeOf(lengths.slice(0, -2));
    const isVector = lengths.length === 1;
    const matrices = Array.from({ length: nMatrices }, (_, m) => {
      const one = nMatrices === 1 ? raw : matrixOf(raw, m, nMatrices);
      return placeMatrix(machine, one, nRows, nColumns, isVector);
    });
    const home: Placed = { machine, matrices };
    return { dims, shape, home };
  };

/** {@link Ops.placeStack} */
export const placeStack =
  (machine: Machine): Ops["placeStack"] =>
  <const D extends readonly [string, string, string]>(dims: D, shape: Shape<D>): StackPlacer<D> => {
    const [, nRows, nColumns] = shape as readonly number[];
    const matrices: Matrix[] = [];
    return {
      put(raw) {
        checkPut({ dims, shape }, raw, matrices.length);
        matrices.push(placeMatrix(machine, raw, nRows, nColumns, false));
      },
      done() {
        checkDone({ dims, shape }, matrices.length);
        const home: Placed = { machine, matrices };
        return { dims, shape, home };
      },
    };
  };

/** Matrix `m` of `n` that lie one after the other. */
function matrixOf({ dtype, shape, bytes, scales, groupScales }: RawTensor, m: number, n: number) {
  const part = <A extends Uint8Array | Uint16Array | Float32Array>(all: A): A =>
    all.subarray((m * all.length) / n, ((m + 1) * all.length) / n) as A;
  return {
    dtype,
    shape: shape.slice(-2),
    bytes: part(bytes),
    ...(scales && { scales: part(scales) }),
    ...(groupScales && { groupScales: part(groupScales) }),
  };
}

/** How a matrix is kept, as told at the top of this file. */
function formatOf({ layout }: Machine, raw: RawTensor): Format {
  switch (raw.dtype) {
    case "BF16":
    case "F16":
    case "Q8":
    case "Q4":
      return raw.dtype;
    case "F8_E4M3": {
      const hasKernel =
        raw.scales?.every((scale) => Math.abs(scale) < layout.fp8ScaleLimit) &&
        !raw.bytes.some(isNaNInE4m3);
      return hasKernel ? "FP8" : "F32";
    }
    default:
      return "F32";
  }
}

function placeMatrix(
  machine: Machine,
  raw: RawTensor,
  nRows: number,
  nColumns: number,
  isVector: boolean,
): Matrix {
  checkLengths(raw, nRows, nColumns);
  const format = isVector ? "F32" : formatOf(machine, raw);
  if (format === "Q8" || format === "Q4") return placePanels(machine, format, raw, nRows, nColumns);
  const values = format !== "F32" || raw.dtype === "F32" ? raw.bytes : bytesOf(decode(raw));
  const rowBytes = BYTES[format] * nColumns;
  const stride = BYTES[format] * padded(machine, nColumns);
  const scales = format === "FP8" ? (raw.scales ?? new Float32Array()) : new Float32Array();
  const bank = isVector ? 0 : bankFor(machine, nRows * stride + 4 * scales.length);
  const { arena } = machine.banks[bank];
  const address = arena.stay(nRows * stride);
  if (stride === rowBytes) arena.bytes(address, values.length).set(values);
  else {
    for (let r = 0; r < nRows; r++) {
      const row = values.subarray(r * rowBytes, (r + 1) * rowBytes);
      arena.bytes(address + r * stride, rowBytes).set(row);
    }
  }
  const scalesAt = arena.stay(4 * scales.length);
  arena.floats(scalesAt, scales.length).set(scales);
  return { format, bank, address, stride, scales: scalesAt };
}

/** @throws {ShapeError} when a matrix has other bytes or scales than its shape says */
function checkLengths(raw: RawTensor, nRows: number, nColumns: number): void {
  const n = nRows * nColumns;
  const nBlocks = Math.ceil(nRows / FP8_BLOCK) * Math.ceil(nColumns / FP8_BLOCK);
  const isRight =
    raw.bytes.length === n * BYTES_PER_ELEMENT[raw.dtype] &&
    (raw.scales?.length ?? nBlocks) === nBlocks &&
    (raw.groupScales?.length ?? n / GROUP) === n / GROUP;
  if (isRight) return;
  const scales = raw.scales?.length ?? raw.groupScales?.length ?? 0;
  const got = `${raw.bytes.length} bytes and ${scales} scales`;
  throw new ShapeError(`place ${raw.dtype} [${nRows}, ${nColumns}]: ${got}`);
}

function placePanels(
  machine: Machine,
  format: "Q8" | "Q4",
  { bytes, groupScales = new Uint16Array() }: RawTensor,
  nRows: number,
  nColumns: number,
): Matrix {
  const { panelRows, groupBytes } = machine.layout;
  const nGroups = nColumns / GROUP;
  const stride = nGroups * groupBytes[format];
  const size = Math.ceil(nRows / panelRows) * stride;
  const bank = bankFor(machine, size);
  const { arena } = machine.banks[bank];
  const address = arena.stay(size);
  const pack = format === "Q8" ? "packQ8" : "packQ4";
  const rowBytes = bytes.length / nRows;
  // As many whole panels at a time as fit into a modest piece of scratch.
  const step = panelRows * Math.max(1, Math.floor(2 ** 20 / (panelRows * rowBytes)));
  for (let r = 0; r < nRows; r += step) {
    const n = Math.min(step, nRows - r);
    const mark = arena.mark();
    const quants = arena.scratch(n * rowBytes);
    arena.bytes(quants, n * rowBytes).set(bytes.subarray(r * rowBytes, (r + n) * rowBytes));
    const scales = arena.scratch(2 * n * nGroups);
    arena.halfs(scales, n * nGroups).set(groupScales.subarray(r * nGroups, (r + n) * nGroups));
    machine.team.run(n * nColumns, (_, part, parts, kernelsOf) => {
      const [from, to] = share(n, panelRows, part, parts);
      const panels = address + ((r + from) / panelRows) * stride;
      const [quantsAt, scalesAt] = [quants + from * rowBytes, scales + 2 * from * nGroups];
      if (from < to) kernelsOf[bank][pack](panels, quantsAt, scalesAt, to - from, nGroups);
    });
    arena.release(mark);
  }
  return { format, bank, address, stride, scales: 0 };
}

/** The memory for `bytes` more of weights: the further ones first, the first has other duties too. */
function bankFor({ banks }: Machine, bytes: number): number {
  const hasRoom = ({ arena }: Bank): boolean => arena.hasRoom(bytes);
  const further = banks.slice(1).findIndex(hasRoom);
  return further + 1;
}

/** The bytes of f32 numbers; f64 are rounded first. */
function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  const { buffer } = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint8Array(buffer);
}
