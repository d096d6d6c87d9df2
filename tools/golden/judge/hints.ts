/**
 * Looks for simple reasons why a stage is off: another scale, another order of heads, or the numbers
 * of another stage.
 * @module
 */

import type { GoldenTensor } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import type { Expectation } from "../case/expectation.ts";
import type { DumpTensor } from "../dump/dump.ts";
import { distanceOf } from "./distance.ts";
import { isSameSet, rowSet } from "./row-sets.ts";

/** Axes longer than this are not searched: every index is compared with every other. */
const LONGEST = 256;

/** A sentence about how `got` could be made of `want`; undefined when no simple way is found. */
export function hint(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: readonly number[],
  limit: number,
): string | undefined {
  const n = want.length;
  let [gw, ww] = [0, 0];
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(want[i])) continue;
    gw += got[i] * want[i];
    ww += want[i] * want[i];
  }
  const factor = gw / ww;
  const scaled = Float64Array.from(want, (x) => x * factor);
  if (distanceOf(got, scaled, n).largest <= limit) {
    return `every number is ${factor.toPrecision(6)} times the expected one`;
  }
  for (let axis = 1; axis < shape.length; axis++) {
    const order = permutation(got, want, shape, axis, limit);
    if (!order) continue;
    const what = shape.length === 3 && axis === 1 ? "heads" : `entries of axis ${axis}`;
    const list = order.slice(0, 8).join(", ") + (order.length > 8 ? ", …" : "");
    return `the ${what} are permuted: the dump has the expected ${list} in this order`;
  }
  return undefined;
}

/** Another stage whose expected numbers are those of `got`, for stages in the wrong order. */
export function stageLike(
  name: string,
  got: DumpTensor,
  { stages, bound }: Pick<Expectation, "stages" | "bound">,
  kind: EngineClass,
): string | undefined {
  if (got.data instanceof Int32Array) return choiceLike(name, got, stages);
  if (got.data.every((x) => x === 0)) return undefined;
  for (const [other, { data }] of stages) {
    const isLike =
      other !== name && !(data instanceof Int32Array) && data.length === got.data.length;
    if (!isLike) continue;
    const { largest, cosine } = distanceOf(got.data, data, data.length);
    if (cosine > 0.5 && largest <= bound(other, kind, got.dtype).largest) return other;
  }
  return undefined;
}

/**
 * Where two stages choose otherwise, this share of the rows must be as in the other stage. It is not
 * all of them, because rounding turns a few.
 */
const MOST = 0.9;

/** Another stage that chooses what `got` does, where it and `name` choose otherwise. */
function choiceLike(
  name: string,
  got: GoldenTensor,
  stages: Expectation["stages"],
): string | undefined {
  const want = stages.get(name);
  if (!want) return undefined;
  const [nRows, width] = want.shape;
  for (const [other, tensor] of stages) {
    const isChoice = tensor.data instanceof Int32Array;
    if (!isChoice || String(tensor.shape) !== String(got.shape)) continue;
    const isSame = (a: GoldenTensor, b: GoldenTensor, row: number): boolean =>
      isSameSet(rowSet(a, row, width), rowSet(b, row, width));
    const rows = Array.from({ length: nRows }, (_, row) => row);
    const telling = rows.filter((row) => !isSame(tensor, want, row));
    const nLike = telling.filter((row) => isSame(tensor, got, row)).length;
    if (telling.length > 0 && nLike >= MOST * telling.length) return other;
  }
  return undefined;
}

/**
 * For each index of `got` along an axis the index of `want` that has its numbers. Undefined unless
 * such an order is all that differs.
 */
function permutation(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  limit: number,
): number[] | undefined {
  const n = shape[axis];
  if (n > LONGEST || n < 2) return undefined;
  const order = Array.from({ length: n }, (_, i) => {
    const found = along(got, shape, axis, i);
    const off = (j: number): number =>
      distanceOf(found, along(want, shape, axis, j), found.length).maxAbs;
    let best = 0;
    let least = off(0);
    for (let j = 1; j < n && least > 0; j++) {
      const d = off(j);
      if (d < least) [best, least] = [j, d];
    }
    return best;
  });
  if (new Set(order).size < n) return undefined;
  const moved = Float64Array.from(want);
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  for (let i = 0; i < want.length; i++) {
    const index = Math.floor(i / inner) % n;
    moved[i] = want[i + (order[index] - index) * inner];
  }
  return distanceOf(got, moved, want.length).largest <= limit ? order : undefined;
}

/** All numbers at one index of an axis. */
function along(
  x: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  index: number,
): number[] {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const out: number[] = [];
  for (let at = index * inner; at < x.length; at += shape[axis] * inner) {
    for (let i = at; i < at + inner; i++) out.push(x[i]);
  }
  return out;
}
