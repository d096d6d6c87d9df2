/**
 * Products with matrices: linear, per head, per expert.
 * @module
 */
import { describe, type Floats, ShapeError } from "../../tensor.ts";
import type { Ops, Routing } from "../ops.ts";
import type { Machine } from "./kernels.ts";
import { type Placed, padded, placedOf } from "./placed.ts";

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

/** `y[t,o] = Σ_i x[t,i] · w[m,o,i]` for one matrix `m`; rows of `y` are `yStride` bytes apart. */
function multiply(
  { arena, kernels }: Machine,
  y: number,
  yStride: number,
  x: PaddedRows,
  nT: number,
  w: Placed,
  m: number,
  nO: number,
): void {
  const { address: xAt, stride: xStride, nColumns } = x;
  const wAt = w.address + m * w.matrixBytes;
  const mark = arena.mark();
  const scratch = arena.scratch(kernels.linearScratchBytes(nT, nColumns));
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
      kernels.linearFp8(y, yStride, xAt, xStride, wAt, w.stride, scales, 0, nT, nColumns, nO, scratch);
      break;
    }
    default:
      w.format satisfies never;
  }
  arena.release(mark);
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
    const rows = paddedRows(machine, x.data, nT, nI);
    multiply(machine, data.byteOffset, 4 * nO, rows, nT, placedOf(machine, w), 0, nO);
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
    const all = paddedRows(machine, x.data, nT * nH, nI);
    for (let h = 0; h < nH; h++) {
      const y = data.byteOffset + 4 * h * nO;
      const rows = { ...all, address: all.address + h * all.stride, stride: nH * all.stride };
      multiply(machine, y, 4 * nH * nO, rows, nT, placedOf(machine, w), h, nO);
    }
    arena.release(mark);
    return { dims: [x.dims[0], x.dims[1], w.dims[1]], shape: [nT, nH, nO], data };
  };

/** One expert and the tokens that visit it. */
interface Visits {
  readonly expert: number;
  readonly tokens: number[];
  readonly weights: number[];
}

/**
 * {@link Ops.experts}. Experts are run one after the other, in ascending order, each for all its tokens at once: its
 * matrices are read once per step, and every token's sum still has the order of the reference.
 */
export const experts =
  (machine: Machine): Ops["experts"] =>
  (x, routing, bank) => {
    const { arena, kernels } = machine;
    const [nT, nHidden] = x.shape;
    const [nE, nMoe, nIn] = bank.gate.shape;
    if (nIn !== nHidden || routing.experts.shape[0] !== nT) {
      throw new ShapeError(
        `experts: x ${describe(x)} against ${describe(bank.gate)}, routing ${describe(routing.experts)}`,
      );
    }
    const gate = placedOf(machine, bank.gate);
    const up = placedOf(machine, bank.up);
    const down = placedOf(machine, bank.down);
    const data = arena.newFloats(nT * nHidden).fill(0);
    const mark = arena.mark();
    const all = paddedRows(machine, x.data, nT, nHidden);
    const markEach = arena.mark();
    for (const { expert, tokens, weights } of visitsOf(routing, nE)) {
      const n = tokens.length;
      const rows = { ...all, address: arena.scratch(n * all.stride) };
      const which = arena.addressOf(Int32Array.from(tokens));
      kernels.gatherRows(rows.address, all.address, all.stride, which, n);
      const g = arena.newFloats(n * nMoe);
      const u = arena.newFloats(n * nMoe);
      multiply(machine, g.byteOffset, 4 * nMoe, rows, n, gate, expert, nMoe);
      multiply(machine, u.byteOffset, 4 * nMoe, rows, n, up, expert, nMoe);
      kernels.siluMul(g.byteOffset, g.byteOffset, u.byteOffset, n * nMoe);

      const inner = paddedRows(machine, g, n, nMoe);
      const out = arena.newFloats(n * nHidden);
      multiply(machine, out.byteOffset, 4 * nHidden, inner, n, down, expert, nHidden);
      tokens.forEach((t, i) => {
        const y = data.byteOffset + 4 * t * nHidden;
        kernels.addScaled(y, out.byteOffset + 4 * i * nHidden, nHidden, weights[i]);
      });
      arena.release(markEach);
    }
    arena.release(mark);
    return { dims: x.dims, shape: x.shape, data };
  };

/** The experts that any token names, ascending. */
function visitsOf({ experts, weights }: Routing, nE: number): Visits[] {
  const [, nA] = experts.shape;
  const byExpert = new Map<number, Visits>();
  experts.data.forEach((expert, at) => {
    const t = Math.floor(at / nA);
    if (!(expert >= 0 && expert < nE)) {
      throw new ShapeError(`experts: token ${t} names expert ${expert}`);
    }
    const visits = byExpert.get(expert) ?? { expert, tokens: [], weights: [] };
    byExpert.set(expert, visits);
    visits.tokens.push(t);
    visits.weights.push(weights.data[at]);
  });
  return [...byExpert.values()].sort((a, b) => a.expert - b.expert);
}
