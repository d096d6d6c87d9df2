/**
 * Ops without arithmetic: they only say where numbers stand.
 * @module
 */

import {
  describe,
  floatsLike,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
} from "../../base/tensor.ts";
import { checkColumns, checkJoin } from "../doors.ts";

/** `[T, A+B] → [T, A], [T, B]` */
export function split<T extends string, A extends string, B extends string>(
  x: Tensor<[T, NoInfer<`${A}+${B}`>]>,
  a: A,
  nA: number,
  b: B,
): [Tensor<[T, A]>, Tensor<[T, B]>] {
  const [nT, nC] = x.shape;
  const nB = nC - nA;
  const left = columns(x, nC, 0, nA);
  const right = columns(x, nC, nA, nC);
  return [
    { dims: [x.dims[0], a], shape: [nT, nA], data: left },
    { dims: [x.dims[0], b], shape: [nT, nB], data: right },
  ];
}

/** `[T, H, A+B] → [T, H, A], [T, H, B]` */
export function splitEach<T extends string, H extends string, A extends string, B extends string>(
  x: Tensor<[T, H, NoInfer<`${A}+${B}`>]>,
  a: A,
  nA: number,
  b: B,
): [Tensor<[T, H, A]>, Tensor<[T, H, B]>] {
  const [nT, nH, nC] = x.shape;
  const nB = nC - nA;
  const [dimT, dimH] = x.dims;
  return [
    { dims: [dimT, dimH, a], shape: [nT, nH, nA], data: columns(x, nC, 0, nA) },
    { dims: [dimT, dimH, b], shape: [nT, nH, nB], data: columns(x, nC, nA, nC) },
  ];
}

/** Columns `from … to` of rows that are `nC` wide. */
function columns(x: Tensor, nC: number, from: number, to: number): Tensor["data"] {
  checkColumns(x, from, to);
  const nRows = x.data.length / nC;
  const y = floatsLike(x.data, nRows * (to - from));
  for (let r = 0; r < nRows; r++) {
    y.set(x.data.subarray(r * nC + from, r * nC + to), r * (to - from));
  }
  return y;
}

/** `[T, A], [T, B] → [T, A+B]` */
export function join<T extends string, A extends string, B extends string>(
  a: Tensor<[T, A]>,
  b: Tensor<[NoInfer<T>, B]>,
): Tensor<[T, `${A}+${B}`]> {
  const data = besideEachOther(a, b);
  return {
    dims: [a.dims[0], `${a.dims[1]}+${b.dims[1]}`],
    shape: [a.shape[0], a.shape[1] + b.shape[1]],
    data,
  };
}

/** `[T, H, A], [T, H, B] → [T, H, A+B]` */
export function joinEach<T extends string, H extends string, A extends string, B extends string>(
  a: Tensor<[T, H, A]>,
  b: Tensor<[NoInfer<T>, NoInfer<H>, B]>,
): Tensor<[T, H, `${A}+${B}`]> {
  const data = besideEachOther(a, b);
  return {
    dims: [a.dims[0], a.dims[1], `${a.dims[2]}+${b.dims[2]}`],
    shape: [a.shape[0], a.shape[1], a.shape[2] + b.shape[2]],
    data,
  };
}

/** Row by row, the last axis of `a` and then that of `b`. */
function besideEachOther(a: Tensor, b: Tensor): Tensor["data"] {
  checkJoin(a, b);
  const nA = a.shape[a.shape.length - 1];
  const nB = b.shape[b.shape.length - 1];
  const nRows = sizeOf(a.shape.slice(0, -1));
  const y = floatsLike(a.data, a.data.length + b.data.length);
  for (let r = 0; r < nRows; r++) {
    y.set(a.data.subarray(r * nA, (r + 1) * nA), r * (nA + nB));
    y.set(b.data.subarray(r * nB, (r + 1) * nB), r * (nA + nB) + nA);
  }
  return y;
}

/** `[T, H*D] → [T, H, D]`, a new name for the same numbers */
export function splitHeads<T extends string, H extends string, D extends string>(
  x: Tensor<[T, `${H}*${D}`]>,
  h: H,
  nH: number,
  d: D,
): Tensor<[T, H, D]> {
  const [nT, nC] = x.shape;
  if (nC % nH !== 0) throw new ShapeError(`splitHeads: ${nH} heads do not divide ${describe(x)}`);
  return { dims: [x.dims[0], h, d], shape: [nT, nH, nC / nH], data: x.data };
}

/** `[T, H, D] → [T, H*D]`, a new name for the same numbers */
export function joinHeads<T extends string, H extends string, D extends string>(
  x: Tensor<[T, H, D]>,
): Tensor<[T, `${H}*${D}`]> {
  const [nT, nH, nD] = x.shape;
  return { dims: [x.dims[0], `${x.dims[1]}*${x.dims[2]}`], shape: [nT, nH * nD], data: x.data };
}

/** Rows `from … to` of the first axis as a view. */
export function slice<D extends readonly [string, ...string[]]>(
  x: Tensor<D>,
  from: number,
  to: number,
): Tensor<D> {
  const [nT, ...others] = x.shape as readonly number[];
  if (!(from >= 0 && from <= to && to <= nT)) {
    throw new ShapeError(`slice: rows ${from} … ${to} of ${describe(x)}`);
  }
  const n = sizeOf(others);
  const shape = [to - from, ...others] as readonly number[] as Shape<D>;
  return { dims: x.dims, shape, data: x.data.subarray(from * n, to * n) };
}
