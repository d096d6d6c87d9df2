/**
 * Weights in WebAssembly memory, each matrix in one of the memories, in the form that its kernel
 * wants:
 *
 * - f32, bf16, f16 and fp8 row by row as the checkpoint has them, each row filled up with zeros;
 * - q8 and q4 in panels of some rows (kernels-as/assembly/panels.ts), as which some files store them.
 *
 * {@link Layout} tells how wide rows are and how many make a panel.
 *
 * Everything else, and everything with one axis, is widened to f32.
 * @module
 */

import { describe, type Shape, ShapeError, sizeOf, type Weight } from "../../base/tensor.ts";
import { decode } from "../../numbers/formats.ts";
import {
  BYTES_PER_ELEMENT,
  FP8_BLOCK,
  GROUP,
  matrixOf,
  type RawTensor,
} from "../../numbers/raw-tensor.ts";
import { checkPlace } from "../doors.ts";
import type { Ops } from "../ops.ts";
import { areFiniteIn } from "./finite.ts";
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
  /** Only with FP8: where its first row and column are in the matrix whose blocks have these scales. */
  readonly firstRow: number;
  readonly firstColumn: number;
}

/** A matrix whose blocks are its own. */
const WHOLE = { firstRow: 0, firstColumn: 0 } as const;

/** Where a weight stands: one matrix, or a stack of them. */
export interface Placed {
  readonly machine: Machine;
  readonly matrices: readonly Matrix[];
}

/** Bytes of one number. */
export const BYTES: Readonly<Record<Exclude<Format, "Q8" | "Q4">, number>> = {
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

/** Where bytes for weights come from. */
export interface Ground {
  /** The memory for a matrix of `bytes` bytes. */
  bankFor(bytes: number): number;
  /** Address of `bytes` bytes in it. */
  take(bank: number, bytes: number): number;
}

/** Bytes that are never given back: in the further memories first, as the first has other duties too. */
export function lasting({ banks }: Machine): Ground {
  return {
    bankFor: (bytes) => 1 + banks.slice(1).findIndex(({ arena }) => arena.hasRoom(bytes)),
    take: (bank, bytes) => banks[bank].arena.stay(bytes),
  };
}

/** {@link Ops.place}, on this ground. */
export const place =
  (machine: Machine, ground: Ground): Ops["place"] =>
  <const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> => {
    checkPlace(dims, shape, raw);
    const lengths: readonly number[] = shape;
    const [nRows, nColumns] = lengths.length > 1 ? lengths.slice(-2) : [1, lengths[0]];
    const nMatrices = sizeOf(lengths.slice(0, -2));
    const isVector = lengths.length === 1;
    const matrices = Array.from({ length: nMatrices }, (_, m) => {
      const one = nMatrices === 1 ? raw : matrixOf(raw, m, nMatrices);
      return placeMatrix(machine, ground, one, nRows, nColumns, isVector);
    });
    const home: Placed = { machine, matrices };
    return { dims, shape, home };
  };

/** How a matrix is kept, as told at the top of this file. */
export function formatOf(machine: Machine, raw: RawTensor): Format {
  switch (raw.dtype) {
    case "BF16":
    case "F16":
    case "Q8":
    case "Q4":
      return raw.dtype;
    case "F8_E4M3": {
      const hasKernel =
        raw.scales?.every((scale) => Math.abs(scale) < machine.layout.fp8ScaleLimit) &&
        (raw.isFinite || areFiniteIn(machine, "F8_E4M3", raw.bytes));
      return hasKernel ? "FP8" : "F32";
    }
    default:
      return "F32";
  }
}

function placeMatrix(
  machine: Machine,
  ground: Ground,
  raw: RawTensor,
  nRows: number,
  nColumns: number,
  isVector: boolean,
): Matrix {
  if (raw.panels && (raw.dtype === "Q8" || raw.dtype === "Q4"))
    return placeStored(machine, ground, raw.dtype, raw.panels, nColumns);
  checkLengths(raw, nRows, nColumns);
  const format = isVector ? "F32" : formatOf(machine, raw);
  if (format === "Q8" || format === "Q4")
    return placePanels(machine, ground, format, raw, nRows, nColumns);
  const values = format !== "F32" || raw.dtype === "F32" ? raw.bytes : bytesOf(decode(raw));
  const rowBytes = BYTES[format] * nColumns;
  const stride = BYTES[format] * padded(machine, nColumns);
  const scales = format === "FP8" ? (raw.scales ?? new Float32Array()) : new Float32Array();
  const there = stride === rowBytes && !isVector ? addressIn(machine, values) : undefined;
  const bank = there?.bank ?? (isVector ? 0 : ground.bankFor(nRows * stride + 4 * scales.length));
  const { arena } = machine.banks[bank];
  const address = there?.address ?? ground.take(bank, nRows * stride);
  // Only memory that stays is zero by itself.
  if (stride !== rowBytes) arena.bytes(address, nRows * stride).fill(0);
  for (let r = 0; !there && r < nRows; r++) {
    const row = values.subarray(r * rowBytes, (r + 1) * rowBytes);
    arena.bytes(address + r * stride, rowBytes).set(row);
  }
  const scalesAt = ground.take(bank, 4 * scales.length);
  arena.floats(scalesAt, scales.length).set(scales);
  return { format, bank, address, stride, scales: scalesAt, ...WHOLE };
}

/** Where bytes stand that are in one of the memories already: those that were read onto a shelf. */
export function addressIn(
  { banks }: Machine,
  bytes: Uint8Array,
): { readonly bank: number; readonly address: number } | undefined {
  const bank = banks.findIndex(({ arena }) => arena.holds(bytes));
  return bank < 0 ? undefined : { bank, address: bytes.byteOffset };
}

/** @throws {ShapeError} when a matrix has other bytes or scales than its shape says */
export function checkLengths(raw: RawTensor, nRows: number, nColumns: number): void {
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

/** Panels that come as such: they stay where they were read, or are copied. */
function placeStored(
  machine: Machine,
  ground: Ground,
  format: "Q8" | "Q4",
  panels: Uint8Array,
  nColumns: number,
): Matrix {
  const stride = (nColumns / GROUP) * machine.layout.groupBytes[format];
  const there = addressIn(machine, panels);
  if (there) return { ...there, format, stride, scales: 0, ...WHOLE };
  const bank = ground.bankFor(panels.length);
  const address = ground.take(bank, panels.length);
  machine.banks[bank].arena.bytes(address, panels.length).set(panels);
  return { format, bank, address, stride, scales: 0, ...WHOLE };
}

function placePanels(
  machine: Machine,
  ground: Ground,
  format: "Q8" | "Q4",
  { bytes, groupScales = new Uint16Array() }: RawTensor,
  nRows: number,
  nColumns: number,
): Matrix {
  const { panelRows, groupBytes } = machine.layout;
  const nGroups = nColumns / GROUP;
  const stride = nGroups * groupBytes[format];
  const size = Math.ceil(nRows / panelRows) * stride;
  const bank = ground.bankFor(size);
  const { arena } = machine.banks[bank];
  const address = ground.take(bank, size);
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
  return { format, bank, address, stride, scales: 0, ...WHOLE };
}

/** The bytes of f32 numbers; f64 are rounded first. */
function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  const { buffer } = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint8Array(buffer);
}
