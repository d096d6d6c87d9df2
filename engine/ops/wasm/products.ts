/**
 * Products of rows with matrices: several at a time, and wherever the matrices stand.
 * @module
 */
import { GROUP } from "../../numbers/raw-tensor.ts";
import type { Kernels } from "./kernels.ts";
import type { Machine } from "./machine.ts";
import type { Matrix } from "./placed.ts";
import { type Rows, rowBytesFor, takesInt8 } from "./rows.ts";
import { share } from "./team.ts";

/** Shares are whole numbers of so many panels: as many as one token meets together. */
const SHARED_PANELS = 4;

/** Tokens that meet a matrix together have at most so many bytes, but there are not fewer than so many of them. */
const TOKENS_BYTES = 3 * 2 ** 18;
const LEAST_TOKENS = 16;

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
  const { arena, team } = machine;
  const needs = needsOf(products);
  if (!needs.areLocal) {
    multiplyElsewhere(machine, products, needs);
    return;
  }
  const scratchBytes = machine.kernels.linearScratchBytes(needs.nT, needs.nColumns);
  team.run(needs.size, (kernels, part, parts) => {
    const scratch = arena.scratch(scratchBytes);
    for (const product of products) multiplyPart(machine, kernels, product, part, parts, scratch);
  });
}

/** What several products need, all together. */
interface Needs {
  /** Multiplications. */
  readonly size: number;
  /** Of the largest. */
  readonly nT: number;
  readonly nColumns: number;
  /** Whether all matrices stand in the first memory. */
  readonly areLocal: boolean;
}

function needsOf(products: readonly Product[]): Needs {
  let [size, nT, nColumns, areLocal] = [0, 0, 0, true];
  for (const { x, nT: n, w, nO } of products) {
    size += n * nO * x.nColumns;
    if (n > nT) nT = n;
    if (x.nColumns > nColumns) nColumns = x.nColumns;
    if (w.bank > 0) areLocal = false;
  }
  return { size, nT, nColumns, areLocal };
}

/** Products with matrices in further memories. The rows x are copied there, and the results back. */
function multiplyElsewhere(machine: Machine, products: readonly Product[], needs: Needs): void {
  const { banks, team } = machine;
  const marks = banks.map(({ arena }) => arena.mark());
  const jobs = besideTheirMatrices(machine, products);
  const used = banks.map((_, bank) => jobs.some(({ w }) => w.bank === bank));
  const scratchBytes = banks[0].kernels.linearScratchBytes(needs.nT, needs.nColumns);
  team.run(needs.size, (_, part, parts, kernelsOf) => {
    const scratch = banks.map(({ arena }, b) => (used[b] ? arena.scratch(scratchBytes) : 0));
    for (const job of jobs) {
      const { bank } = job.w;
      multiplyPart(machine, kernelsOf[bank], job, part, parts, scratch[bank]);
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
    const rowBytes = rowBytesFor(machine, x.nColumns, w.format);
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

/** What one thread does of a product. */
function multiplyPart(
  machine: Machine,
  kernels: Kernels,
  product: Product,
  part: number,
  parts: number,
  scratch: number,
): void {
  const unit = SHARED_PANELS * machine.layout.panelRows;
  const [from, to] = share(product.nO, unit, part, parts);
  if (from < to) multiply(machine, kernels, product, from, to, scratch);
}

/** Rows `from … to` of the matrix of one product, a block of tokens at a time. */
function multiply(
  machine: Machine,
  kernels: Kernels,
  product: Product,
  from: number,
  to: number,
  scratch: number,
): void {
  const { y, yStride, x, nT, w } = product;
  const step = takesInt8(machine, w.format) ? nT : tokensAtOnce(x);
  for (let t = 0; t < nT; t += step) {
    const block = {
      ...product,
      y: y + t * yStride,
      x: { ...x, address: x.address + t * x.stride },
      nT: Math.min(step, nT - t),
    };
    multiplyBlock(machine, kernels, block, from, to, scratch);
  }
}

/**
 * How many tokens in f32 meet a matrix together. All of them are read anew for each few rows of the matrix,
 * so they should stay in the L2 cache. The kernels for int8 see to this by themselves.
 */
function tokensAtOnce({ stride }: Rows): number {
  return Math.max(LEAST_TOKENS, 2 * Math.floor(TOKENS_BYTES / (2 * stride)));
}

function multiplyBlock(
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
  const panels = w.address + (from / machine.layout.panelRows) * w.stride;
  const isInt8 = takesInt8(machine, w.format);
  const row = w.firstRow + from;
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
      kernels.linearFp8(y, yStride, xAt, xStride, wAt, w.stride, w.scales, row, w.firstColumn, nT, nColumns, nO, scratch);
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
