/**
 * Ops in plain loops that are wrong on purpose, or right in another way than the reference.
 * @module
 */

import { type Floats, floatsLike, type Indices, type Tensor } from "../../../engine/base/tensor.ts";
import type { RopeTable } from "../../../engine/numbers/rope-table.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { storedKeys } from "../../../engine/ops/stored-rows.ts";

/** `x` with every number replaced; `f` also gets the position in the last axis and the row. */
export function mapped<X extends Tensor>(
  x: X,
  f: (value: number, column: number, row: number) => number,
): X {
  const nC = x.shape[x.shape.length - 1];
  return { ...x, data: x.data.map((v, i) => f(v, i % nC, Math.floor(i / nC))) };
}

/** Rotates `(x[j], x[j + rope/2])` instead of neighbours. */
export const halfSplitRope: Ops["ropeInterleaved"] = (x, table: RopeTable) => {
  const { nPairs } = table;
  const nRows = x.data.length / (2 * nPairs);
  const nPerPosition = nRows / (table.cos.length / nPairs);
  const y = floatsLike(x.data, x.data.length);
  for (let r = 0; r < nRows; r++) {
    const t = Math.floor(r / nPerPosition);
    for (let j = 0; j < nPairs; j++) {
      const [a, b] = [r * 2 * nPairs + j, r * 2 * nPairs + j + nPairs];
      const [cos, sin] = [table.cos[t * nPairs + j], table.sin[t * nPairs + j]];
      y[a] = x.data[a] * cos - x.data[b] * sin;
      y[b] = x.data[b] * cos + x.data[a] * sin;
    }
  }
  return { ...x, data: y };
};

/** Index scores with something else than `w · relu(q · k)` for each head. */
export function scoresBy(vote: (w: number, dot: number) => number): Ops["indexScores"] {
  return (idxQ, keys, idxW, start, scale) => {
    const [nT, nH, nD] = idxQ.shape;
    const { nS } = keys;
    const idxK = storedKeys(keys);
    const data = floatsLike(idxQ.data, nT * nS).fill(Number.NEGATIVE_INFINITY);
    for (let t = 0; t < nT; t++) {
      for (let s = 0; s <= Math.min(start + t, nS - 1); s++) {
        let sum = 0;
        for (let h = 0; h < nH; h++) {
          let dot = 0;
          for (let d = 0; d < nD; d++) {
            dot += idxQ.data[(t * nH + h) * nD + d] * idxK.data[s * nD + d];
          }
          sum += vote(idxW.data[t * nH + h], dot);
        }
        data[t * nS + s] = sum * scale;
      }
    }
    return { dims: [idxQ.dims[0], "S"], shape: [nT, nS], data };
  };
}

/** Picks rows from the visible ones of each query: positions in any order, at most `k`. */
export type PickRows = (visible: number[], score: (s: number) => number, k: number) => number[];

/** The `k` largest by brute force: sort all, cut, put in order. */
export const largestFirst: PickRows = (visible, score, k) =>
  visible.sort((a, b) => score(b) - score(a) || a - b).slice(0, k);

/** A top-k that picks its own way. */
export function topKBy(pick: PickRows): Ops["topK"] {
  return (scores, k) => {
    const [nT, nS] = scores.shape;
    const nK = Math.min(k, nS);
    const data = new Int32Array(nT * nK).fill(-1);
    for (let t = 0; t < nT; t++) {
      const score = (s: number): number => scores.data[t * nS + s];
      const visible = Array.from({ length: nS }, (_, s) => s).filter(
        (s) => score(s) !== Number.NEGATIVE_INFINITY,
      );
      data.set(
        pick(visible, score, nK).sort((a, b) => a - b),
        t * nK,
      );
    }
    return { dims: [scores.dims[0], "K"], shape: [nT, nK], data };
  };
}

/** Every row up to the query itself, as a dense attention would have it. */
export function visibleRows(like: Indices, nS: number): Selection {
  const [nT] = like.shape;
  const data = new Int32Array(nT * nS).fill(-1);
  for (let t = 0; t < nT; t++) {
    for (let s = 0; s <= nS - nT + t; s++) data[t * nS + s] = s;
  }
  return { shape: [nT, nS], data };
}

/** Shape and numbers of a selection. */
export interface Selection {
  readonly shape: readonly [number, number];
  readonly data: Int32Array;
}

/** The columns `from` to `to − 1` of the last axis, of a tensor of any rank. */
export function columnsOf(x: Tensor, from: number, to: number): Floats {
  const nC = x.shape[x.shape.length - 1];
  return x.data.filter((_, i) => i % nC >= from && i % nC < to);
}
