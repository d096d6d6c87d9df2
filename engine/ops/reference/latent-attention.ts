import { exp } from "../../math.ts";
import { describe, floatsLike, type Indices, ShapeError, type Tensor } from "../../tensor.ts";
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
  const [nT, nH, nC] = qLatent.shape;
  const [, , nR] = qPe.shape;
  const [nS] = past.latent.shape;
  const [, nK] = topK.shape;
  if (past.latent.shape[1] !== nC || past.kPe.shape[1] !== nR || topK.shape[0] !== nT) {
    throw new ShapeError(
      `latentAttention: q ${describe(qLatent)} | ${describe(qPe)}, cache ${describe(past.latent)} | ${describe(past.kPe)}, top-k ${describe(topK)}`,
    );
  }

  const y = floatsLike(qLatent.data, nT * nH * nC);
  const p = new Float64Array(nK);
  const sum = new Float64Array(nC);
  for (let t = 0; t < nT; t++) {
    const rows = topK.data.subarray(t * nK, (t + 1) * nK).filter((s) => s >= 0);
    if (rows.some((s) => s >= nS)) {
      throw new ShapeError(`latentAttention: top-k row ${t} names a position past ${nS - 1}`);
    }
    for (let h = 0; h < nH; h++) {
      const head = t * nH + h;
      let max = Number.NEGATIVE_INFINITY;
      rows.forEach((s, k) => {
        let z = 0;
        for (let d = 0; d < nC; d++)
          z += qLatent.data[head * nC + d] * past.latent.data[s * nC + d];
        for (let d = 0; d < nR; d++) z += qPe.data[head * nR + d] * past.kPe.data[s * nR + d];
        p[k] = z * scale;
        max = Math.max(max, p[k]);
      });

      let total = 0;
      sum.fill(0);
      rows.forEach((s, k) => {
        const weight = exp(p[k] - max);
        total += weight;
        for (let d = 0; d < nC; d++) sum[d] += weight * past.latent.data[s * nC + d];
      });
      for (let d = 0; d < nC; d++) y[head * nC + d] = sum[d] / total;
    }
  }
  return { dims: qLatent.dims, shape: qLatent.shape, data: y };
}
