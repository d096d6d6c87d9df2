import { floatsLike, type Indices, type Tensor } from "../../base/tensor.ts";
import { exp } from "../../numbers/math.ts";
import { decode } from "../../numbers/row-encoding.ts";
import { checkLatentAttention } from "../doors.ts";
import type { LatentRows } from "../ops.ts";

/**
 * Attention in latent space over the chosen rows only.
 *
 * For query `t`, head `h`, and `s` in `topK[t]` (ascending, −1 is nothing):
 * `z[s] = scale · (qLatent[t,h] · latent[s] + qPe[t,h] · kPe[s])`,
 * `p = softmax_s(z)`, `y[t,h] = Σ_s p[s] · latent[s]`.
 *
 * The denominator counts the chosen rows and no others. All sums run over ascending `s` in f64, so
 * attending to everything with the unchosen rows at `p = 0` would give the same bits.
 *
 * @param scale `qkHeadDim^-½`: of the head before absorption, not of the latent
 * @see DeepSeek-V2, arXiv 2405.04434, §2.1 (MLA); DeepSeek-V3.2-Exp report, eq. 2 (sparse)
 */
export function latentAttention<T extends string>(
  qLatent: Tensor<[T, "H", "kvLora"]>,
  qPe: Tensor<[T, "H", "rope"]>,
  past: LatentRows,
  topK: Indices<[T, "K"]>,
  scale: number,
): Tensor<[T, "H", "kvLora"]> {
  checkLatentAttention(qLatent, qPe, past, topK);
  const [nT, nH, nC] = qLatent.shape;
  const [, , nR] = qPe.shape;
  const [, nK] = topK.shape;
  const y = floatsLike(qLatent.data, nT * nH * nC);
  const at = new Uint32Array(nT * nK);
  const latent = new Float64Array(nK * nC);
  const kPe = new Float64Array(nK * nR);
  const p = new Float64Array(nK);
  const sum = new Float64Array(nC);
  let [first, end] = [0, 0]; // queries that `at` speaks of
  for (let t = 0; t < nT; t++) {
    if (t === end) [first, end] = [t, past.bringIn(topK, t, at)];
    let n = 0;
    for (let k = 0; k < nK; k++) {
      if (topK.data[t * nK + k] < 0) continue;
      const row = at[(t - first) * nK + k];
      decode(past.latentEncoding, past.view, row, nC, latent, n * nC);
      decode(past.kPeEncoding, past.view, row + past.kPeAt, nR, kPe, n * nR);
      n++;
    }
    for (let h = 0; h < nH; h++) {
      const head = t * nH + h;
      let max = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < n; k++) {
        let z = 0;
        for (let d = 0; d < nC; d++) z += qLatent.data[head * nC + d] * latent[k * nC + d];
        for (let d = 0; d < nR; d++) z += qPe.data[head * nR + d] * kPe[k * nR + d];
        p[k] = z * scale;
        max = Math.max(max, p[k]);
      }

      let total = 0;
      sum.fill(0);
      for (let k = 0; k < n; k++) {
        const weight = exp(p[k] - max);
        total += weight;
        for (let d = 0; d < nC; d++) sum[d] += weight * latent[k * nC + d];
      }
      for (let d = 0; d < nC; d++) y[head * nC + d] = sum[d] / total;
    }
  }
  return { dims: qLatent.dims, shape: qLatent.shape, data: y };
}
