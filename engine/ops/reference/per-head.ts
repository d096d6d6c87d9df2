import { type Floats, floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { checkPerHead } from "../doors.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t,h,o] = Σ_i x[t,h,i] · w[h,o,i]`: one small matrix for each head.
 *
 * @param stored result is stored like these numbers
 */
export function perHead<T extends string, H extends string, I extends string, O extends string>(
  x: Tensor<[T, H, I]>,
  w: Weight<[NoInfer<H>, O, NoInfer<I>]>,
  stored: Floats = x.data,
): Tensor<[T, H, O]> {
  checkPerHead(x, w);
  const [nT, nH, nI] = x.shape;
  const [, nO] = w.shape;
  const weights = floatsOf(w);
  const y = floatsLike(stored, nT * nH * nO);
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let o = 0; o < nO; o++) {
        let sum = 0;
        for (let i = 0; i < nI; i++) {
          sum += x.data[(t * nH + h) * nI + i] * weights[(h * nO + o) * nI + i];
        }
        y[(t * nH + h) * nO + o] = sum;
      }
    }
  }
  return { dims: [x.dims[0], x.dims[1], w.dims[1]], shape: [nT, nH, nO], data: y };
}
