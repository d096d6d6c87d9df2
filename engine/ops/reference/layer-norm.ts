import { floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { checkLayerNorm } from "../doors.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t,c] = g[c] · (x[t,c] − mean) / √(var + eps) + b[c]`, `var = mean_c (x[t,c] − mean)²`
 *
 * Only the indexer's key uses it. Not an RMSNorm: the mean is subtracted and there is a bias.
 *
 * @see Ba et al., Layer Normalization, arXiv 1607.06450
 */
export function layerNorm<T extends string, C extends string>(
  x: Tensor<[T, C]>,
  gain: Weight<[NoInfer<C>]>,
  bias: Weight<[NoInfer<C>]>,
  eps: number,
): Tensor<[T, C]> {
  checkLayerNorm(x, gain, bias);
  const [nT, nC] = x.shape;
  const g = floatsOf(gain);
  const b = floatsOf(bias);
  const y = floatsLike(x.data, nT * nC);
  for (let t = 0; t < nT; t++) {
    const row = x.data.subarray(t * nC, (t + 1) * nC);
    let sum = 0;
    for (let c = 0; c < nC; c++) sum += row[c];
    const mean = sum / nC;
    let sumSq = 0;
    for (let c = 0; c < nC; c++) sumSq += (row[c] - mean) * (row[c] - mean);
    const scale = 1 / Math.sqrt(sumSq / nC + eps);
    for (let c = 0; c < nC; c++) y[t * nC + c] = g[c] * ((row[c] - mean) * scale) + b[c];
  }
  return { dims: x.dims, shape: x.shape, data: y };
}
