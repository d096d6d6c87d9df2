/**
 * The routed experts. The matrices of an expert are read once for all tokens that visit it. The sum of
 * each token is made in ascending order of its experts, as in the reference.
 * @module
 */

import { checkExperts } from "../doors.ts";
import { type Visit, wavesOf } from "../expert-bank.ts";
import type { ExpertBank, Ops } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { type Format, type Matrix, placedOf } from "./placed.ts";
import { multiplyAll, type Product } from "./products.ts";
import { paddedAt, paddedRows, type Rows, rowsFor } from "./rows.ts";

/** Experts are computed in batches of about so many rows, which bounds the scratch that they need. */
const BATCH_ROWS = 256;

/** One expert where it stands, and who visits it. */
interface PlacedVisit {
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  readonly tokens: readonly number[];
  readonly weights: readonly number[];
}

/** The rows of all tokens, in each form that products want. */
type RowsByFormat = ReadonlyMap<Format, Rows>;

/** {@link Ops.experts} */
export const experts =
  (machine: Machine): Ops["experts"] =>
  (x, routing, bank) => {
    checkExperts(x, routing, bank);
    const { arena } = machine;
    const [nT, nHidden] = x.shape;
    const data = arena.newFloats(nT * nHidden).fill(0);
    const mark = arena.mark();
    const padded = paddedRows(machine, x.data, nT, nHidden);
    const rows = new Map<Format, Rows>();
    for (const wave of wavesOf(routing, bank)) {
      for (const batch of batchesOf(wave.map((visit) => placedVisit(machine, visit)))) {
        for (const { format } of [batch[0].gate, batch[0].up]) {
          if (!rows.has(format)) rows.set(format, rowsFor(machine, padded, nT, format));
        }
        const markEach = arena.mark();
        addBatch(machine, data.byteOffset, batch, rows, bank);
        arena.release(markEach);
      }
    }
    arena.release(mark);
    return { dims: x.dims, shape: x.shape, data };
  };

function placedVisit(machine: Machine, { expert, tokens, weights }: Visit): PlacedVisit {
  const [gate, up, down] = [expert.gate, expert.up, expert.down].map(
    (w) => placedOf(machine, w).matrices[0],
  );
  return { gate, up, down, tokens, weights };
}

/** Adds the results of these experts to `y`: first gate and up together, then SwiGLU, down and the sum. */
function addBatch(
  machine: Machine,
  y: number,
  batch: readonly PlacedVisit[],
  rows: RowsByFormat,
  { nMoe, nHidden }: ExpertBank,
): void {
  const { arena, kernels } = machine;
  const nRows = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // A visit is one row, and the rows lie one after the other, expert by expert.
  const [g, u] = [arena.scratch(4 * nRows * nMoe), arena.scratch(4 * nRows * nMoe)];
  const out = arena.scratch(4 * nRows * nHidden);

  const forGate = rows.get(batch[0].gate.format) as Rows;
  const forUp = rows.get(batch[0].up.format) as Rows;
  const products: Product[] = [];
  let row = 0;
  for (const { gate, up, tokens } of batch) {
    const nT = tokens.length;
    const x = rowsOf(machine, forGate, tokens);
    const xUp = forUp === forGate ? x : rowsOf(machine, forUp, tokens);
    const [yStride, at] = [4 * nMoe, 4 * row * nMoe];
    products.push({ y: g + at, yStride, x, nT, w: gate, nO: nMoe });
    products.push({ y: u + at, yStride, x: xUp, nT, w: up, nO: nMoe });
    row += nT;
  }
  multiplyAll(machine, products);

  kernels.siluMul(g, g, u, nRows * nMoe);
  const padded = paddedAt(machine, g, nRows, nMoe);
  const inner = rowsFor(machine, padded, nRows, batch[0].down.format);
  const { stride, nColumns } = inner;
  row = 0;
  const downs = batch.map(({ down, tokens }): Product => {
    const nT = tokens.length;
    const x = { address: inner.address + row * stride, stride, nColumns };
    const y = out + 4 * row * nHidden;
    row += nT;
    return { y, yStride: 4 * nHidden, x, nT, w: down, nO: nHidden };
  });
  multiplyAll(machine, downs);

  row = 0;
  for (const { tokens, weights } of batch) {
    tokens.forEach((t, i) => {
      kernels.addScaled(y + 4 * t * nHidden, out + 4 * row++ * nHidden, nHidden, weights[i]);
    });
  }
}

/** The rows of these tokens, side by side. */
function rowsOf({ arena, kernels }: Machine, all: Rows, tokens: readonly number[]): Rows {
  const { stride, nColumns } = all;
  if (tokens.length === 1) return { address: all.address + tokens[0] * stride, stride, nColumns };
  const address = arena.scratch(tokens.length * stride);
  const which = arena.addressOf(Int32Array.from(tokens));
  kernels.gatherRows(address, all.address, stride, which, tokens.length);
  return { address, stride, nColumns };
}

/** Groups neighbours of the same formats together until they have {@link BATCH_ROWS} rows. */
function batchesOf(visits: readonly PlacedVisit[]): PlacedVisit[][] {
  const batches: PlacedVisit[][] = [];
  let [room, formats] = [0, ""];
  for (const one of visits) {
    const these = `${one.gate.format} ${one.up.format} ${one.down.format}`;
    if (room <= 0 || these !== formats) {
      batches.push([]);
      [room, formats] = [BATCH_ROWS, these];
    }
    batches[batches.length - 1].push(one);
    room -= one.tokens.length;
  }
  return batches;
}
