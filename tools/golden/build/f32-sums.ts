/**
 * Products with weights as the simplest f32 loop has them: every addition is rounded. The reference
 * sums in float64 also where it stores f32.
 *
 * Next: arithmetics.ts
 * @module
 */

import { type Floats, floatsLike } from "../../../engine/base/tensor.ts";
import { type Ops, referenceOps } from "../../../engine/index.ts";
import { sigmoid } from "../../../engine/numbers/math.ts";
import { visitsOf } from "../../../engine/ops/expert-bank.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";

/** Where a sum begins. */
export type Order = "forward" | "backward";

const { fround } = Math;

/** `Σ_i x[xAt + i] · w[wAt + i]` over `n` products. */
type Dot = (x: Floats, xAt: number, w: Floats, wAt: number, n: number) => number;

const dotIn =
  (order: Order): Dot =>
  (x, xAt, w, wAt, n) => {
    let sum = 0;
    for (let at = 0; at < n; at++) {
      const i = order === "forward" ? at : n - 1 - at;
      sum = fround(sum + fround(x[xAt + i] * w[wAt + i]));
    }
    return sum;
  };

/** The f32 reference with such sums in `linear`. */
export function linearInF32(order: Order): Ops {
  const dot = dotIn(order);
  const linear: Ops["linear"] = (x, w) => {
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    const weights = floatsOf(w);
    const data = floatsLike(x.data, nT * nO);
    data.forEach((_, at) => {
      const [t, o] = [Math.floor(at / nO), at % nO];
      data[at] = dot(x.data, t * nI, weights, o * nI, nI);
    });
    return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data };
  };
  return { ...referenceOps("f32"), linear };
}

/** The same, and in `experts`. */
export const expertsInF32 = (order: Order): Ops => ({
  ...linearInF32(order),
  experts: expertsBy(dotIn(order)),
});

/** The experts of a token, one after the other. */
const expertsBy =
  (dot: Dot): Ops["experts"] =>
  (x, routing, bank) => {
    const { nMoe, nHidden } = bank;
    const y = floatsLike(x.data, x.data.length);
    const inner = floatsLike(x.data, nMoe);
    for (const { expert, tokens, weights } of visitsOf(routing, bank)) {
      const [gate, up, down] = [expert.gate, expert.up, expert.down].map(floatsOf);
      tokens.forEach((t, i) => {
        const row = t * nHidden;
        for (let m = 0; m < nMoe; m++) {
          const g = dot(x.data, row, gate, m * nHidden, nHidden);
          inner[m] = fround(g * fround(sigmoid(g))) * dot(x.data, row, up, m * nHidden, nHidden);
        }
        for (let o = 0; o < nHidden; o++) {
          const product = dot(inner, 0, down, o * nMoe, nMoe);
          y[row + o] += fround(weights[i] * product);
        }
      });
    }
    return { dims: x.dims, shape: x.shape, data: y };
  };
