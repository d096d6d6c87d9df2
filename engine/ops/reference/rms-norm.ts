import { floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { checkRmsNorm } from "../doors.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t,c] = g[c] · x[t,c] / √(mean_c x[t,c]² + eps)`
 *
 * @see Zhang & Sennrich, Root Mean Square Layer Normalization, arXiv 1910.07467, eq. 4
 */
export function rmsNorm<T extends string, C extends string>(
  x: Tensor<[T, C]>,
  gain: Weight<[NoInfer<C>]>,
  eps: number,
): Tensor<[T, C]> {
  checkRmsNorm(x, gain);
  const [nT, nC] = x.shape;
  const g = floatsOf(gain);
  const y = floatsLike(x.data, nT * nC);
  for (let t = 0; t < nT; t++) {
    let sumSq = 0;
    for (let c = 0; c < nC; c++) sumSq += x.data[t * nC + c] * x.data[t * nC + c];
    const scale = 1 / Math.sqrt(sumSq / nC + eps);
    for (let c = 0; c < nC; c++) y[t * nC + c] = g[c] * (x.data[t * nC + c] * scale);
  }
  return { dims: x.dims, shape: x.shape, data: y };
}
