/**
 * How far a backend may be from the f64 reference, op by op. Computed from the data, so that a bound
 * is neither too loose for small numbers nor too tight for large ones.
 *
 * @see Higham, Accuracy and Stability of Numerical Algorithms, §3.1 (γ bounds)
 * @module
 */

import type { Floats, Tensor } from "../base/tensor.ts";
import { F32_ROUNDING, F32_TINY } from "../numbers/formats.ts";
import { sigmoid } from "../numbers/math.ts";
import type { Bound, CheckedOp } from "./checked.ts";
import { visitsOf } from "./expert-bank.ts";
import type { ExpertBank, Routing } from "./ops.ts";
import { floatsOf } from "./reference/memory.ts";

/** The sum is in f64, and the store rounds once. */
const oneRounding: Bound = (_args, want) =>
  Float64Array.from(want.data, (y) => Math.abs(y) * (1 + 1e-6) * F32_ROUNDING + F32_TINY);

/**
 * Three roundings inside each expert: gate and up on their stores, then their product. With
 * `d silu(g) / silu(g) ≤ (1 + |g|) · dg / g` the product is off by `(3 + |g|)` roundings at most,
 * and the last sum adds one more.
 */
const expertRoundings: Bound = (args, want) => {
  const [x, routing, bank] = args as [Tensor<["T", "hidden"]>, Routing, ExpertBank];
  const { nMoe, nHidden } = bank;
  const limit = new Float64Array(oneRounding(args, want));
  for (const { expert, tokens, weights } of visitsOf(routing, bank)) {
    const [gate, up, down] = [expert.gate, expert.up, expert.down].map(floatsOf);
    tokens.forEach((t, i) => {
      const row = x.data.subarray(t * nHidden, (t + 1) * nHidden);
      const weight = Math.abs(weights[i]);
      for (let m = 0; m < nMoe; m++) {
        const g = dot(row, gate, m * nHidden);
        const u = dot(row, up, m * nHidden);
        const off = Math.abs(g * sigmoid(g) * u) * (3 + Math.abs(g)) * 1.01 * F32_ROUNDING;
        for (let o = 0; o < nHidden; o++) {
          limit[t * nHidden + o] += weight * Math.abs(down[o * nMoe + m]) * off + F32_TINY;
        }
      }
    });
  }
  return limit;
};

function dot(x: Floats, w: Floats, at: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * w[at + i];
  return sum;
}

/** Bounds of the reference in f32: sums in f64, one rounding on each store. */
export const f32ReferenceBounds: Readonly<Record<CheckedOp, Bound>> = {
  embed: oneRounding,
  linear: oneRounding,
  perHead: oneRounding,
  rmsNorm: oneRounding,
  layerNorm: oneRounding,
  ropeInterleaved: oneRounding,
  indexScores: oneRounding,
  topK: oneRounding,
  latentAttention: oneRounding,
  route: oneRounding,
  experts: expertRoundings,
  siluMul: oneRounding,
  add: oneRounding,
};
