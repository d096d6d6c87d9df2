import { type Floats, floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { sigmoid } from "../../numbers/math.ts";
import { checkExperts } from "../doors.ts";
import { visitsOf } from "../expert-bank.ts";
import type { ExpertBank, Routing } from "../ops.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t] = Σ_a weights[t,a] · down_e(silu(gate_e x[t]) ⊙ up_e x[t])`, `e = experts[t,a]`
 *
 * A token visits its experts in ascending order, so its sum does not depend on which other tokens
 * are in the batch. Stored formats round inside an expert as they would between three ops: after
 * gate and up, after the product, and once at the end of the whole sum.
 *
 * @param seen rows as products with a weight see them
 */
export function experts(
  x: Tensor<["T", "hidden"]>,
  routing: Routing,
  bank: ExpertBank,
  seen: (rows: Tensor, w: Weight) => Tensor = (rows) => rows,
): Tensor<["T", "hidden"]> {
  checkExperts(x, routing, bank);
  const [nT, nHidden] = x.shape;
  const { nMoe } = bank;
  const g = floatsLike(x.data, nMoe);
  const u = floatsLike(x.data, nMoe);
  const inner = floatsLike(x.data, nMoe);
  const sums = new Float64Array(nT * nHidden);
  for (const { expert, tokens, weights } of visitsOf(routing, bank)) {
    const [gate, up, down] = [expert.gate, expert.up, expert.down].map(floatsOf);
    const rows = seen(x, expert.gate).data;
    tokens.forEach((t, i) => {
      const row = rows.subarray(t * nHidden, (t + 1) * nHidden);
      for (let m = 0; m < nMoe; m++) {
        g[m] = dot(row, gate, m * nHidden);
        u[m] = dot(row, up, m * nHidden);
        inner[m] = g[m] * sigmoid(g[m]) * u[m];
      }
      const product = seen({ dims: ["moe"], shape: [nMoe], data: inner }, expert.down).data;
      for (let o = 0; o < nHidden; o++) {
        sums[t * nHidden + o] += weights[i] * dot(product, down, o * nMoe);
      }
    });
  }
  const y = floatsLike(x.data, nT * nHidden);
  y.set(sums);
  return { dims: x.dims, shape: x.shape, data: y };
}

/** `Σ_i x[i] · w[at + i]` */
function dot(x: Floats, w: Floats, at: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * w[at + i];
  return sum;
}
