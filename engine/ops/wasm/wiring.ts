/**
 * Splitting and joining: rows are copied from one width to another. Ops that only give new names to the
 * same numbers are those of the reference.
 * @module
 */

import { sizeOf, type Tensor } from "../../base/tensor.ts";
import { checkColumns, checkJoin } from "../doors.ts";
import type { Ops } from "../ops.ts";
import { joinHeads, slice, splitHeads } from "../reference/wiring.ts";
import type { Machine } from "./machine.ts";

type Wiring = Pick<
  Ops,
  "split" | "splitEach" | "join" | "joinEach" | "splitHeads" | "joinHeads" | "slice"
>;

/** Everything of {@link Ops} that computes nothing. */
export function wasmWiring(machine: Machine): Wiring {
  return {
    split(x, a, nA, b) {
      const [nT, nC] = x.shape;
      const [left, right] = [columns(machine, x, 0, nA), columns(machine, x, nA, nC)];
      return [
        { dims: [x.dims[0], a], shape: [nT, nA], data: left },
        { dims: [x.dims[0], b], shape: [nT, nC - nA], data: right },
      ];
    },

    splitEach(x, a, nA, b) {
      const [nT, nH, nC] = x.shape;
      const [dimT, dimH] = x.dims;
      const [left, right] = [columns(machine, x, 0, nA), columns(machine, x, nA, nC)];
      return [
        { dims: [dimT, dimH, a], shape: [nT, nH, nA], data: left },
        { dims: [dimT, dimH, b], shape: [nT, nH, nC - nA], data: right },
      ];
    },

    join: (a, b) => ({
      dims: [a.dims[0], `${a.dims[1]}+${b.dims[1]}`],
      shape: [a.shape[0], a.shape[1] + b.shape[1]],
      data: besideEachOther(machine, a, b),
    }),

    joinEach: (a, b) => ({
      dims: [a.dims[0], a.dims[1], `${a.dims[2]}+${b.dims[2]}`],
      shape: [a.shape[0], a.shape[1], a.shape[2] + b.shape[2]],
      data: besideEachOther(machine, a, b),
    }),

    splitHeads,
    joinHeads,
    slice,
  };
}

/** Columns `from … to` of every row. */
function columns({ arena, kernels }: Machine, x: Tensor, from: number, to: number): Float32Array {
  checkColumns(x, from, to);
  const nC = x.shape[x.shape.length - 1];
  const nRows = x.data.length / nC;
  const bytes = 4 * (to - from);
  const data = arena.newFloats(nRows * (to - from));
  const first = arena.addressOf(x.data) + 4 * from;
  kernels.copyRows(data.byteOffset, bytes, first, 4 * nC, bytes, nRows);
  return data;
}

/** Row by row, the last axis of `a` and then that of `b`. */
function besideEachOther({ arena, kernels }: Machine, a: Tensor, b: Tensor): Float32Array {
  checkJoin(a, b);
  const nA = a.shape[a.shape.length - 1];
  const nB = b.shape[b.shape.length - 1];
  const nRows = sizeOf(a.shape.slice(0, -1));
  const data = arena.newFloats(nRows * (nA + nB));
  const stride = 4 * (nA + nB);
  const [left, right] = [arena.addressOf(a.data), arena.addressOf(b.data)];
  kernels.copyRows(data.byteOffset, stride, left, 4 * nA, 4 * nA, nRows);
  kernels.copyRows(data.byteOffset + 4 * nA, stride, right, 4 * nB, 4 * nB, nRows);
  return data;
}
