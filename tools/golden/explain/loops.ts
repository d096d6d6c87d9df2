/**
 * Operations in plain loops with openings where an engine may do something else.
 * @module
 */
import type { Indices, Tensor } from "../../../engine/base/tensor.ts";
import { sigmoid } from "../../../engine/numbers/math.ts";
import type { Expert, ExpertBank, KeyRows, LatentRows, Routing } from "../../../engine/ops/ops.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";
import { storedKeys, storedLatents } from "../../../engine/ops/stored-rows.ts";
import { type At, numbers } from "./variant.ts";

/** Numbers that add up to 1, by their exponentials. */
export function softmax(z: readonly number[]): number[] {
  const max = Math.max(...z);
  return shares(z.map((x) => Math.exp(x - max)));
}

/** Numbers divided by their sum. */
export function shares(x: readonly number[]): number[] {
  const sum = x.reduce((a, b) => a + b, 0);
  return x.map((v) => v / sum);
}

/** What one head of one query has for one row. */
export interface Pair {
  /** `qLatent · latent`, not scaled. */
  readonly plain: number;
  /** `qPe · kPe`, not scaled. */
  readonly rotary: number;
  readonly scale: number;
  readonly t: number;
  readonly h: number;
  readonly s: number;
}

/** Openings of the attention. */
export interface AttentionWays {
  readonly score?: (pair: Pair) => number;
  /** Weights of the rows of one head, from their scores. */
  readonly weigh?: (scores: readonly number[], rows: readonly number[], t: number) => number[];
  /** The latents that queries are multiplied with, and those that are summed. */
  readonly keys?: ArrayLike<number> | undefined;
  readonly values?: ArrayLike<number> | undefined;
  readonly rotary?: ArrayLike<number> | undefined;
}

/** The attention, with other ways where they are given. */
export function attendBy(at: At, ways: AttentionWays): Tensor {
  const [qLatent, qPe, past, topK, scale] = at.args as [
    Tensor,
    Tensor,
    LatentRows,
    Indices,
    number,
  ];
  const { latent, kPe } = storedLatents(past);
  const { score = ({ plain, rotary }: Pair) => (plain + rotary) * scale, weigh = softmax } = ways;
  const { keys = latent.data, values = latent.data, rotary = kPe.data } = ways;
  const [nT, nH, nC] = qLatent.shape;
  const nR = qPe.shape[2];
  const nK = topK.shape[1];
  const y = new Float64Array(nT * nH * nC);
  for (let t = 0; t < nT; t++) {
    const rows = [...topK.data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0);
    for (let h = 0; h < nH; h++) {
      const q = t * nH + h;
      const scores = rows.map((s) => {
        const plain = dot(qLatent.data, q * nC, keys, s * nC, nC);
        return score({ plain, rotary: dot(qPe.data, q * nR, rotary, s * nR, nR), scale, t, h, s });
      });
      const p = weigh(scores, rows, t);
      rows.forEach((s, k) => {
        for (let d = 0; d < nC; d++) y[q * nC + d] += p[k] * values[s * nC + d];
      });
    }
  }
  return numbers(qLatent, y);
}

/** `Σ_i x[from + i] · y[at + i]` */
function dot(
  x: ArrayLike<number>,
  from: number,
  y: ArrayLike<number>,
  at: number,
  n: number,
): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[from + i] * y[at + i];
  return sum;
}

/** Openings of the indexer's scores. */
export interface ScoreWays {
  /** The score, before the scale, from the products of all heads and their weights. */
  readonly join?: (dots: readonly number[], weights: readonly number[]) => number;
  /** Whether query `t` sees row `s`. */
  readonly sees?: (t: number, s: number) => boolean;
  /** Which key stands for row `s`; none where it is outside. */
  readonly key?: (s: number) => number;
  readonly scale?: number;
  /** Changes queries, keys and weights before they meet. */
  readonly seen?: (x: number) => number;
}

/** The right way to join the heads of the indexer. */
export const rectified = (dots: readonly number[], weights: readonly number[]): number =>
  dots.reduce((sum, dot, j) => sum + weights[j] * Math.max(dot, 0), 0);

/** The indexer's scores, with other ways where they are given. */
export function scoreBy(at: At, ways: ScoreWays): Tensor {
  const [idxQ, keys, idxW, start, right] = at.args as [Tensor, KeyRows, Tensor, number, number];
  const { join = rectified, scale = right, key = (s: number) => s, seen = (x: number) => x } = ways;
  const { sees = (t: number, s: number) => s <= start + t } = ways;
  const [nT, nH, nD] = idxQ.shape;
  const { nS } = keys;
  const q = idxQ.data.map(seen);
  const k = storedKeys(keys).data.map(seen);
  const data = new Float64Array(nT * nS).fill(Number.NEGATIVE_INFINITY);
  for (let t = 0; t < nT; t++) {
    const weights = [...idxW.data.subarray(t * nH, (t + 1) * nH)];
    for (let s = 0; s < nS; s++) {
      const from = key(s);
      if (!sees(t, s)) continue;
      const isThere = from >= 0 && from < nS;
      const dots = weights.map((_, j) =>
        isThere ? dot(q, (t * nH + j) * nD, k, from * nD, nD) : 0,
      );
      data[t * nS + s] = scale * join(dots, weights);
    }
  }
  return { dims: [idxQ.dims[0], "S"], shape: [nT, nS], data };
}

/** Openings of the routed experts. */
export interface ExpertWays {
  /** Makes the inner numbers of gate and up. */
  readonly act?: (gate: number, up: number) => number;
  /** The expert that is run for the `a`-th that was chosen. */
  readonly pick?: (expert: number, a: number) => number;
  /** The weight of the `a`-th that was chosen, from all weights of the token. */
  readonly weigh?: (weights: readonly number[], a: number, t: number) => number;
  /** Changes an expert's matrices. */
  readonly bank?: ExpertBank;
  /** Whether the weight is put on the expert's input, not on its output. */
  readonly isWeighedFirst?: boolean;
}

/** The activation of the model. */
export const swiglu = (gate: number, up: number): number => gate * sigmoid(gate) * up;

/** The routed experts, with other ways where they are given. */
export function expertsBy(at: At, ways: ExpertWays): Tensor {
  const [x, routing, own] = at.args as [Tensor, Routing, ExpertBank];
  const { act = swiglu, pick = (e: number) => e, bank = own, isWeighedFirst = false } = ways;
  const { weigh = (weights: readonly number[], a: number) => weights[a] } = ways;
  const [nT, nHidden] = x.shape;
  const [, nActive] = routing.experts.shape;
  const { nMoe } = bank;
  const known = new Map<number, Record<keyof Expert, ArrayLike<number>>>();
  const expertOf = (e: number) => {
    const found = known.get(e);
    if (found) return found;
    const [{ gate, up, down }] = bank.bringIn([e], 0);
    const made = { gate: floatsOf(gate), up: floatsOf(up), down: floatsOf(down) };
    known.set(e, made);
    return made;
  };
  const y = new Float64Array(nT * nHidden);
  for (let t = 0; t < nT; t++) {
    const weights = [...routing.weights.data.subarray(t * nActive, (t + 1) * nActive)];
    weights.forEach((_, a) => {
      const { gate, up, down } = expertOf(pick(routing.experts.data[t * nActive + a], a));
      const weight = weigh(weights, a, t);
      const before = isWeighedFirst ? weight : 1;
      const inner = Float64Array.from({ length: nMoe }, (_, m) => {
        const g = before * dot(x.data, t * nHidden, gate, m * nHidden, nHidden);
        return act(g, before * dot(x.data, t * nHidden, up, m * nHidden, nHidden));
      });
      for (let o = 0; o < nHidden; o++) {
        y[t * nHidden + o] += (isWeighedFirst ? 1 : weight) * dot(inner, 0, down, o * nMoe, nMoe);
      }
    });
  }
  return numbers(x, y);
}
