/**
 * The same numbers at other places: rows, heads or channels in another order, moved, or repeated.
 * @module
 */
import type { Floats } from "../../../../engine/base/tensor.ts";
import { namesOf } from "./factors.ts";
import type { Fit, Grid } from "./relation.ts";

/** Axes longer than this are not searched: every index is compared with every other. */
const LONGEST = 256;

/** An axis of the grid: how many there are, and how far apart two neighbours stand. */
interface Axis {
  readonly name: string;
  readonly n: number;
  readonly inner: number;
}

/** For each index of an axis the one whose numbers it has, or nearly. */
function sources({ a, e }: Grid, { n, inner }: Axis): number[] {
  const outer = e.length / (n * inner);
  const far = (i: number, j: number, most: number): number => {
    let sum = 0;
    for (let o = 0; o < outer && sum < most; o++) {
      const [x, y] = [(o * n + i) * inner, (o * n + j) * inner];
      for (let k = 0; k < inner; k++) sum += (value(a[x + k]) - value(e[y + k])) ** 2;
    }
    return sum;
  };
  return Array.from({ length: n }, (_, i) => {
    let [best, least] = [i, far(i, i, Number.POSITIVE_INFINITY)];
    for (let j = 0; j < n && least > 0; j++) {
      const d = far(i, j, least);
      if (d < least) [best, least] = [j, d];
    }
    return best;
  });
}

/** Masked scores are far from others, and equal to each other. */
const value = (x: number): number => (Number.isFinite(x) && x > -1e30 ? x : -1e6);

const moved =
  ({ n, inner }: Axis, from: readonly number[]): Fit["make"] =>
  (e: Floats) => {
    if (n * inner > e.length) return e;
    return e.map((_, i) => {
      const index = Math.floor(i / inner) % n;
      return e[i + ((from[index] ?? index) - index) * inner];
    });
  };

/** The order in words, where it is a simple one. */
function orderText(from: readonly number[], axis: string): string {
  const n = from.length;
  const isAll = (f: (i: number) => number): boolean => from.every((j, i) => j === f(i));
  for (let by = 1; by < n; by++) {
    if (isAll((i) => Math.max(0, i - by)))
      return `has each ${axis} where the one ${by} later should be`;
    if (isAll((i) => Math.min(n - 1, i + by)))
      return `has each ${axis} where the one ${by} earlier should be`;
  }
  if (isAll((i) => n - 1 - i)) return `has its ${axis}s in reversed order`;
  if (isAll((i) => (i + n / 2) % n)) return `has the halves of its ${axis}s exchanged`;
  for (let by = 1; by < n; by++) {
    if (isAll((i) => (i + by) % n)) return `has its ${axis}s moved by ${by}, the first at the end`;
  }
  if (isAll((i) => i ^ 1)) return `has neighbouring ${axis}s exchanged`;
  if (isAll((i) => (i < n / 2 ? 2 * i : 2 * (i - n / 2) + 1)))
    return `has its ${axis}s in the order [even | odd]`;
  if (isAll((i) => (i % 2 === 0 ? i / 2 : n / 2 + (i - 1) / 2)))
    return `has the halves of its ${axis}s in turns`;
  if (isAll(() => from[0])) return `has ${axis} ${from[0]} for all ${axis}s`;
  const other = from.flatMap((j, i) => (j === i ? [] : [i]));
  const list = other.slice(0, 8).map((i) => `${from[i]}`);
  return `has ${axis}s ${list.join(", ")}${other.length > 8 ? ", …" : ""} where ${namesOf(other)} should be`;
}

export function orders(grid: Grid): Fit[] {
  const { nT, nH, nC } = grid;
  const axes: Axis[] = [
    ...(nH > 1 ? [{ name: "head", n: nH, inner: nC }] : []),
    { name: "channel", n: nC, inner: 1 },
    ...(nH > 1 ? [{ name: "channel of all heads", n: nH * nC, inner: 1 }] : []),
    { name: "row", n: nT, inner: nH * nC },
  ];
  return axes.flatMap((axis): Fit[] => {
    if (axis.n > LONGEST || axis.n < 2) return [];
    const from = sources(grid, axis);
    if (from.every((j, i) => j === i)) return [];
    const relation = axis.name === "row" ? "shift" : "order";
    return [{ relation, what: orderText(from, axis.name), nFree: axis.n, make: moved(axis, from) }];
  });
}
