/**
 * The routed experts. The matrices of an expert are read once for all tokens that visit it. The sum of
 * each token is made in ascending order of its experts, as in the reference.
 * @module
 */

import { checkExperts } from "../doors.ts";
import type { Ops, Routing } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { type Matrix, placedOf } from "./placed.ts";
import { multiplyAll, type Product } from "./products.ts";
import { paddedAt, paddedRows, type Rows, rowsFor } from "./rows.ts";

/** Experts are computed in batches of about so many rows, which bounds the scratch that they need. */
const BATCH_ROWS = 256;

/** One expert and the tokens that visit it. */
interface Visits {
  readonly expert: number;
  readonly tokens: number[];
  readonly weights: number[];
}

/** Where the matrices of the experts stand, and the rows of all tokens in the form that gate and up want. */
interface Placement {
  readonly gate: readonly Matrix[];
  readonly up: readonly Matrix[];
  readonly down: readonly Matrix[];
  readonly forGate: Rows;
  readonly forUp: Rows;
  readonly nMoe: number;
  readonly nHidden: number;
}

/** {@link Ops.experts} */
export const experts =
  (machine: Machine): Ops["experts"] =>
  (x, routing, bank) => {
    checkExperts(x, routing, bank);
    const { arena } = machine;
    const [nT, nHidden] = x.shape;
    const [, nMoe] = bank.gate.shape;
    const data = arena.newFloats(nT * nHidden).fill(0);
    const mark = arena.mark();
    const [gate, up, down] = [bank.gate, bank.up, bank.down].map(
      (w) => placedOf(machine, w).matrices,
    );
    const rows = paddedRows(machine, x.data, nT, nHidden);
    const forGate = rowsFor(machine, rows, nT, gate[0].format);
    const isSame = up[0].format === gate[0].format;
    const forUp = isSame ? forGate : rowsFor(machine, rows, nT, up[0].format);
    const placed: Placement = { gate, up, down, forGate, forUp, nMoe, nHidden };
    const markEach = arena.mark();
    for (const batch of batchesOf(visitsOf(routing))) {
      addBatch(machine, data.byteOffset, batch, placed);
      arena.release(markEach);
    }
    arena.release(mark);
    return { dims: x.dims, shape: x.shape, data };
  };

/** Adds the results of these experts to `y`: first gate and up together, then SwiGLU, down and the sum. */
function addBatch(
  machine: Machine,
  y: number,
  batch: readonly Visits[],
  { gate, up, down, forGate, forUp, nMoe, nHidden }: Placement,
): void {
  const { arena, kernels } = machine;
  const nRows = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // A visit is one row, and the rows lie one after the other, expert by expert.
  const [g, u] = [arena.scratch(4 * nRows * nMoe), arena.scratch(4 * nRows * nMoe)];
  const out = arena.scratch(4 * nRows * nHidden);

  const products: Product[] = [];
  let row = 0;
  for (const { expert, tokens } of batch) {
    const nT = tokens.length;
    const x = rowsOf(machine, forGate, tokens);
    const xUp = forUp === forGate ? x : rowsOf(machine, forUp, tokens);
    const [yStride, at] = [4 * nMoe, 4 * row * nMoe];
    products.push({ y: g + at, yStride, x, nT, w: gate[expert], nO: nMoe });
    products.push({ y: u + at, yStride, x: xUp, nT, w: up[expert], nO: nMoe });
    row += nT;
  }
  multiplyAll(machine, products);

  kernels.siluMul(g, g, u, nRows * nMoe);
  const padded = paddedAt(machine, g, nRows, nMoe);
  const inner = rowsFor(machine, padded, nRows, down[0].format);
  const { stride, nColumns } = inner;
  row = 0;
  const downs = batch.map(({ expert, tokens }): Product => {
    const nT = tokens.length;
    const x = { address: inner.address + row * stride, stride, nColumns };
    const y = out + 4 * row * nHidden;
    row += nT;
    return { y, yStride: 4 * nHidden, x, nT, w: down[expert], nO: nHidden };
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

/** Groups neighbours together until they have {@link BATCH_ROWS} rows. */
function batchesOf(visits: readonly Visits[]): Visits[][] {
  const batches: Visits[][] = [];
  let room = 0;
  for (const one of visits) {
    if (room <= 0) {
      batches.push([]);
      room = BATCH_ROWS;
    }
    batches[batches.length - 1].push(one);
    room -= one.tokens.length;
  }
  return batches;
}

/** The experts that any token names, ascending. */
function visitsOf({ experts, weights }: Routing): Visits[] {
  const [, nA] = experts.shape;
  const byExpert = new Map<number, Visits>();
  experts.data.forEach((expert, at) => {
    const visits = byExpert.get(expert) ?? { expert, tokens: [], weights: [] };
    byExpert.set(expert, visits);
    visits.tokens.push(Math.floor(at / nA));
    visits.weights.push(weights.data[at]);
  });
  return [...byExpert.values()].sort((a, b) => a.expert - b.expert);
}
