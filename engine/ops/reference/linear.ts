import { type Floats, floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { checkLinear } from "../doors.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t,o] = Σ_i x[t,i] · w[o,i]`
 *
 * The sum runs over `i` in ascending order in f64 and is rounded once, on the store.
 *
 * @param stored result is stored like these numbers
 */
export function linear<T extends string, I extends string, O extends string>(
  x: Tensor<[T, I]>,
  w: Weight<[O, NoInfer<I>]>,
  stored: Floats = x.data,
): Tensor<[T, O]> {
  checkLinear(x, w);
  const [nT, nI] = x.shape;
  const [nO] = w.shape;
  const weights = floatsOf(w);
  const y = floatsLike(stored, nT * nO);
  for (let t = 0; t < nT; t++) {
    for (let o = 0; o < nO; o++) {
      let sum = 0;
      for (let i = 0; i < nI; i++) sum += x.data[t * nI + i] * weights[o * nI + i];
      y[t * nO + o] = sum;
    }
  }
  return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data: y };
}
