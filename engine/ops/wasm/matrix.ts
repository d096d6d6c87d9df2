/**
 * Products with matrices: linear, per head.
 * @module
 */
import { describe, type Floats, ShapeError } from "../../tensor.ts";
import type { Ops } from "../ops.ts";
import type { Kernels, Machine } from "./kernels.ts";
import { type Placed, padded, placedOf } from "./placed.ts";
import { share } from "./team.ts";

/** Rows of w that a kernel takes together; shares are cut between them. */
export const PANEL_ROWS = 8;

/** Rows in memory: `nColumns` numbers each, a multiple of sixteen, the last of them perhaps zeros. */
export interface PaddedRows {
  readonly address: number;
  readonly stride: number;
  readonly nColumns: number;
}

/** `data` as rows that kernels can read. Rows of a fitting width stay where they are. */
export function paddedRows(
  { arena, kernels }: Machine,
  data: Floats,
  nRows: number,
  nColumns: number,
): PaddedRows {
  const wide = padded(nColumns);
  const from = arena.addressOf(data);
  if (wide === nColumns) return { address: from, stride: 4 * wide, nColumns: wide };
  const address = arena.scratch(4 * nRows * wide);
  kernels.padRows(address, 4 * wide, from, 4 * nColumns, nRows);
  return { address, stride: 4 * wide, nColumns: wide };
}

/** Where a product goes: rows `yStride` bytes apart. */
interface Target {
  readonly y: number;
  readonly yStride: number;
}

/** Rows `from … to` of the matrix `m` of a stack. */
interface MatrixRows {
  readonly w: Placed;
  readonly m: number;
  readonly from: number;
  readonly to: number;
}

/** `y[t,o] = Σ_i x[t,i] · w[m,o,i]` for these rows `o`, with `scratch` as {@link scratchFor} makes it. */
export function multiply(
  kernels: Kernels,
  { y: yAt, yStride }: Target,
  x: PaddedRows,
  nT: number,
  { w, m, from, to }: MatrixRows,
  scratch: number,
): void {
  if (from === to) return;
  const { address: xAt, stride: xStride, nColumns } = x;
  const wAt = w.address + m * w.matrixBytes + from * w.stride;
  const y = yAt + 4 * from;
  const nO = to - from;
  switch (w.format) {
    case "F32":
      kernels.linearF32(y, yStride, xAt, xStride, wAt, w.stride, nT, nColumns, nO, scratch);
      break;
    case "BF16":
      kernels.linearBf16(y, yStride, xAt, xStride, wAt, w.stride, nT, nColumns, nO, scratch);
      break;
    case "FP8": {
      const scales = w.scales + m * w.scaleBytes;
      // biome-ignore format: as above
      kernels.linearFp8(y, yStride, xAt, xStride, wAt, w.stride, scales, from, nT, nColumns, nO, scratch);
      break;
    }
    default:
      w.format satisfies never;
  }
}

/** Scratch of one thread for products of `nT` rows. */
export function scratchFor({ arena, kernels }: Machine, nT: number, nColumns: number): number {
  return arena.scratch(kernels.linearScratchBytes(nT, nColumns));
}

/** {@link Ops.linear}; rows that do not fill whole vectors are padded on their way in. */
export const linear =
  (machine: Machine): Ops["linear"] =>
  (x, w) => {
    const { arena, team } = machine;
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    if (w.shape[1] !== nI) {
      throw new ShapeError(`linear: x ${describe(x)} against w ${describe(w)}`);
    }
    const data = arena.newFloats(nT * nO);
    const mark = arena.mark();
    const rows = paddedRows(machine, x.data, nT, nI);
    const placed = placedOf(machine, w);
    const target = { y: data.byteOffset, yStride: 4 * nO };
    team.run(nT * nI * nO, (kernels, part, parts) => {
      const [from, to] = share(nO, PANEL_ROWS, part, parts);
      const scratch = scratchFor(machine, nT, rows.nColumns);
      multiply(kernels, target, rows, nT, { w: placed, m: 0, from, to }, scratch);
    });
    arena.release(mark);
    return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data };
  };

/** {@link Ops.perHead}: one product for each head, between rows that lie far apart. */
export const perHead =
  (machine: Machine): Ops["perHead"] =>
  (x, w) => {
    const { arena, team } = machine;
    const [nT, nH, nI] = x.shape;
    const [, nO] = w.shape;
    if (w.shape[0] !== nH || w.shape[2] !== nI) {
      throw new ShapeError(`perHead: x ${describe(x)} against w ${describe(w)}`);
    }
    const data = arena.newFloats(nT * nH * nO);
    const mark = arena.mark();
    const all = paddedRows(machine, x.data, nT * nH, nI);
    const placed = placedOf(machine, w);
    team.run(nT * nH * nI * nO, (kernels, part, parts) => {
      const scratch = scratchFor(machine, nT, all.nColumns);
      const [first, end] = share(nH, 1, part, parts);
      for (let h = first; h < end; h++) {
        const target = { y: data.byteOffset + 4 * h * nO, yStride: 4 * nH * nO };
        const rows = { ...all, address: all.address + h * all.stride, stride: nH * all.stride };
        multiply(kernels, target, rows, nT, { w: placed, m: h, from: 0, to: nO }, scratch);
      }
    });
    arena.release(mark);
    return { dims: [x.dims[0], x.dims[1], w.dims[1]], shape: [nT, nH, nO], data };
  };
