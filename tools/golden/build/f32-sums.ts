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
    const [nT, nHidden] = x.shape;
    const [, nMoe] = bank.gate.shape;
    const [, nA] = routing.experts.shape;
    const [gate, up, down] = [floatsOf(bank.gate), floatsOf(bank.up), floatsOf(bank.down)];
    const y = floatsLike(x.data, nT * nHidden);
    const inner = floatsLike(x.data, nMoe);
    for (let at = 0; at < nT * nA; at++) {
      const [row, e] = [Math.floor(at / nA) * nHidden, routing.experts.data[at]];
      for (let m = 0; m < nMoe; m++) {
        const from = (e * nMoe + m) * nHidden;
        const g = dot(x.data, row, gate, from, nHidden);
        inner[m] = fround(g * fround(sigmoid(g))) * dot(x.data, row, up, from, nHidden);
      }
      for (let o = 0; o < nHidden; o++) {
        const product = dot(inner, 0, down, (e * nHidden + o) * nMoe, nMoe);
        y[row + o] += fround(routing.weights.data[at] * product);
      }
    }
    return { dims: x.dims, shape: x.shape, data: y };
  };
