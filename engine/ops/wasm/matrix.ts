/**
 * Products with matrices: linear, per head, and what the experts multiply.
 * @module
 */
import { GROUP } from "../../raw-tensor.ts";
import { describe, type Floats, ShapeError } from "../../tensor.ts";
import type { Ops } from "../ops.ts";
import type { Kernels, Machine } from "./kernels.ts";
import { type Format, type Matrix, PANEL, padded, placedOf } from "./placed.ts";
import { share } from "./team.ts";

/** Rows of w between which shares are cut: a whole number of panels, of every kind. */
const SHARED_ROWS = 32;

/** Bytes of one group of a row in int8; see kernels-as/assembly/panels.ts. */
const INT8_GROUP_BYTES = 2 * GROUP + 8;

/** Rows in the first memory, as kernels read them: padded f32, or int8 in groups. */
export interface Rows {
  readonly address: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Numbers of a row: a multiple of sixteen, the last of them perhaps zeros. */
  readonly nColumns: number;
}

/** `data` as padded f32 rows. Rows of a fitting width stay where they are. */
export function paddedRows(
  { arena, kernels }: Machine,
  data: Floats,
  nRows: number,
  nColumns: number,
): Rows {
  const wide = padded(nColumns);
  const from = arena.addressOf(data);
  if (wide === nColumns) return { address: from, stride: 4 * wide, nColumns: wide };
  const address = arena.scratch(4 * nRows * wide);
  kernels.padRows(address, 4 * wide, from, 4 * nColumns, nRows);
  return { address, stride: 4 * wide, nColumns: wide };
}

/** Whether products with this format see their rows in int8. */
function takesInt8({ activations }: Machine, format: Format): format is "Q8" | "Q4" {
  return activations === "int8" && (format === "Q8" || format === "Q4");
}

/** Rows as products with a matrix of this format want them. */
export function rowsFor(machine: Machine, rows: Rows, nRows: number, format: Format): Rows {
  if (!takesInt8(machine, format)) return rows;
  const { arena, kernels } = machine;
  const { nColumns } = rows;
  const nGroups = nColumns / GROUP;
  const stride = nGroups * INT8_GROUP_BYTES;
  const address = arena.scratch(nRows * stride);
  const quantize = format === "Q8" ? kernels.quantizeRowsQ8 : kernels.quantizeRowsQ4;
  quantize(address, stride, rows.address, rows.stride, nRows, nGroups);
  return { address, stride, nColumns };
}

/** `y[t,o] = Σ_i x[t,i] · w[o,i]` for `nT` rows of x and all rows of one matrix. */
export interface Product {
  /** Address in the first memory, and bytes from one row to the next. */
  readonly y: number;
  readonly yStride: number;
  /** As {@link rowsFor} makes them. */
  readonly x: Rows;
  readonly nT: number;
  readonly w: Matrix;
  readonly nO: number;
}

/** Makes products, each shared out by the rows of its matrix. */
export function multiplyAll(machine: Machine, products: readonly Product[]): void {
  const { banks, team } = machine;
  const marks = banks.map(({ arena }) => arena.mark());
  const jobs = besideTheirMatrices(machine, products);
  const size = jobs.reduce((sum, { nT, nO, x }) => sum + nT * nO * x.nColumns, 0);
  team.run(size, (_, part, parts, kernels) => {
    const scratch = banks.map((_, bank) => scratchFor(machine, bank, jobs));
    for (const job of jobs) {
      const [from, to] = share(job.nO, SHARED_ROWS, part, parts);
      const { bank } = job.w;
      if (from < to) multiply(machine, kernels[bank], job, from, to, scratch[bank]);
    }
  });
  jobs.forEach((job, i) => {
    if (job.w.bank > 0) copyBack(machine, job, products[i]);
  });
  banks.forEach(({ arena }, bank) => {
    arena.release(marks[bank]);
  });
}

/** The same products in the memories where their matrices stand, with copies of x. */
function besideTheirMatrices(machine: Machine, products: readonly Product[]): Product[] {
  const { banks } = machine;
  const copies = new Map<string, number>();
  return products.map((product) => {
    const { x, nT, w, nO } = product;
    if (w.bank === 0) return product;
    const { arena } = banks[w.bank];
    const rowBytes = takesInt8(machine, w.format)
      ? (x.nColumns / GROUP) * INT8_GROUP_BYTES
      : 4 * x.nColumns;
    const key = `${w.bank} ${x.address} ${x.stride} ${nT}`;
    let address = copies.get(key);
    if (address === undefined) {
      address = arena.scratch(nT * rowBytes);
      copies.set(key, address);
      for (let t = 0; t < nT; t++) {
        const row = machine.arena.bytes(x.address + t * x.stride, rowBytes);
        arena.bytes(address + t * rowBytes, rowBytes).set(row);
      }
    }
    const y = arena.scratch(4 * nT * nO);
    return { ...product, y, yStride: 4 * nO, x: { ...x, address, stride: rowBytes } };
  });
}

function copyBack({ arena, banks }: Machine, made: Product, wanted: Product): void {
  const { nT, nO, w } = made;
  for (let t = 0; t < nT; t++) {
    const row = banks[w.bank].arena.floats(made.y + t * made.yStride, nO);
    arena.floats(wanted.y + t * wanted.yStride, nO).set(row);
  }
}

/** Scratch in one memory, of one thread, for the largest of these products. */
function scratchFor({ banks }: Machine, bank: number, jobs: readonly Product[]): number {
  const { arena, kernels } = banks[bank];
  const here = jobs.filter(({ w }) => w.bank === bank);
  if (here.length === 0) return 0;
  const nT = Math.max(...here.map((job) => job.nT));
  const nColumns = Math.max(...here.map(({ x }) => x.nColumns));
  return arena.scratch(kernels.linearScratchBytes(nT, nColumns));
}

/** Rows `from … to` of the matrix of one product. */
function multiply(
  machine: Machine,
  kernels: Kernels,
  { y: yAt, yStride, x, nT, w }: Product,
  from: number,
  to: number,
  scratch: number,
): void {
  const { address: xAt, stride: xStride, nColumns } = x;
  const y = yAt + 4 * from;
  const nO = to - from;
  const nGroups = nColumns / GROUP;
  const wAt = w.address + from * w.stride;
  const panels = w.address + (from / PANEL) * w.stride;
  const isInt8 = takesInt8(machine, w.format);
  // biome-ignore format: one line per kernel
  switch (w.format) {
    case "F32":
      kernels.linearF32(y, yStride, xAt, xStride, wAt, w.stride, nT, nColumns, nO, scratch);
      break;
    case "BF16":
      kernels.linearBf16(y, yStride, xAt, xStride, wAt, w.stride, nT, nColumns, nO, scratch);
      break;
    case "F16":
      kernels.linearF16(y, yStride, xAt, xStride, wAt, w.stride, nT, nColumns, nO, scratch);
      break;
    case "FP8":
      kernels.linearFp8(y, yStride, xAt, xStride, wAt, w.stride, w.scales, from, nT, nColumns, nO, scratch);
      break;
    case "Q8": {
      const run = isInt8 ? kernels.linearQ8Int8 : kernels.linearQ8;
      run(y, yStride, xAt, xStride, panels, nT, nGroups, nO, scratch);
      break;
    }
    case "Q4": {
      const run = isInt8 ? kernels.linearQ4Int8 : kernels.linearQ4;
      run(y, yStride, xAt, xStride, panels, nT, nGroups, nO, scratch);
      break;
    }
    default:
      w.format satisfies never;
  }
}

/** {@link Ops.linear}; rows that do not fill whole vectors are padded on their way in. */
export const linear =
  (machine: Machine): Ops["linear"] =>
  (x, w) => {
    const { arena } = machine;
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    if (w.shape[1] !== nI) {
      throw new ShapeError(`linear: x ${describe(x)} against w ${describe(w)}`);
    }
    const data = arena.newFloats(nT * nO);
    const mark = arena.mark();
    const [matrix] = placedOf(machine, w).matrices;
    const rows = rowsFor(machine, paddedRows(machine, x.data, nT, nI), nT, matrix.format);
    const target = { y: data.byteOffset, yStride: 4 * nO };
    multiplyAll(machine, [{ ...target, x: rows, nT, w: matrix, nO }]);
    arena.release(mark);
    return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data };
  };

/** {@link Ops.perHead}: one product for each head, between rows that lie far apart. */
export const perHead =
  (machine: Machine): Ops["perHead"] =>
  (x, w) => {
    const { arena } = machine;
    const [nT, nH, nI] = x.shape;
    const [, nO] = w.shape;
    if (w.shape[0] !== nH || w.shape[2] !== nI) {
      throw new ShapeError(`perHead: x ${describe(x)} against w ${describe(w)}`);
    }
    const data = arena.newFloats(nT * nH * nO);
    const mark = arena.mark();
    const { matrices } = placedOf(machine, w);
    const padded = paddedRows(machine, x.data, nT * nH, nI);
    const all = rowsFor(machine, padded, nT * nH, matrices[0].format);
    const products = matrices.map((matrix, h) => ({
      y: data.byteOffset + 4 * h * nO,
      yStride: 4 * nH * nO,
      x: { ...all, address: all.address + h * all.stride, stride: nH * all.stride },
      nT,
      w: matrix,
      nO,
    }));
    multiplyAll(machine, products);
    arena.release(mark);
    return { dims: [x.dims[0], x.dims[1], w.dims[1]], shape: [nT, nH, nO], data };
  };
