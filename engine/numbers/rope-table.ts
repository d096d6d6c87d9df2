/**
 * The angles of the rotary position embedding. They are computed once per step, for all layers.
 *
 * `angle[p,j] = p · θ^(−2j/rope)`, `j = 0 … rope/2 − 1`. GLM-5.2 scales nothing (no YaRN).
 *
 * In f32, the table is rounded where torch rounds (the power, its inverse, the product with the
 * position). At positions near a million, these roundings move the angle by up to a few hundredths
 * of a radian, and every engine in use moves it so. In f64 nothing is rounded.
 *
 * @see Su et al., RoFormer, arXiv 2104.09864 · HF `GlmMoeDsaRotaryEmbedding.forward`
 * @module
 */

import type { Floats } from "../base/tensor.ts";
import { exp, log, sinCos } from "./math.ts";

/** The number format of activations. */
export type Precision = "f32" | "f64";

/** Cosines and sines, one row for each position. */
export interface RopeTable {
  /** Pairs of channels that are rotated: `rope/2`. */
  readonly nPairs: number;
  /** The cosine of each angle, row-major `[T, rope/2]`. */
  readonly cos: Floats;
  /** The sine of each angle, row-major `[T, rope/2]`. */
  readonly sin: Floats;
}

/**
 * Returns the table for these positions.
 *
 * @param nRope number of rotated channels, an even number
 */
export function ropeTable(
  positions: Int32Array,
  nRope: number,
  theta: number,
  precision: Precision,
): RopeTable {
  const round = precision === "f32" ? Math.fround : (x: number): number => x;
  const nPairs = nRope / 2;
  const logTheta = log(theta);
  const frequency = Array.from({ length: nPairs }, (_, j) =>
    round(1 / round(exp(round((2 * j) / nRope) * logTheta))),
  );

  const nT = positions.length;
  const size = nT * nPairs;
  const cos = precision === "f32" ? new Float32Array(size) : new Float64Array(size);
  const sin = precision === "f32" ? new Float32Array(size) : new Float64Array(size);
  for (let t = 0; t < nT; t++) {
    for (let j = 0; j < nPairs; j++) {
      const [s, c] = sinCos(round(positions[t] * frequency[j]));
      cos[t * nPairs + j] = c;
      sin[t * nPairs + j] = s;
    }
  }
  return { nPairs, cos, sin };
}

/** `start, start + 1, …`: the positions of successive tokens. */
export function positionsFrom(start: number, nT: number): Int32Array {
  return Int32Array.from({ length: nT }, (_, t) => start + t);
}
