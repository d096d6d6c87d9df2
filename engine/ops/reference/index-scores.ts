import { floatsLike, type Tensor } from "../../base/tensor.ts";
import { decode } from "../../numbers/row-encoding.ts";
import { checkIndexScores } from "../doors.ts";
import type { KeyRows } from "../ops.ts";
import { keyAddress } from "../stored-rows.ts";

/**
 * Score of every cached row for every query, before the top-k.
 *
 * `I[t,s] = scale · Σ_j w[t,j] · max(0, q[t,j] · k[s])`, `-Infinity` where `s` is after `t`.
 *
 * The scores only rank rows: they never reach the softmax. The weights `w` may be negative, and
 * are used as they are.
 *
 * Not rotated by a Hadamard matrix, as some engines do before they quantise: the rotation is
 * orthogonal and cancels in exact arithmetic.
 *
 * @param start absolute position of query 0; query `t` sees rows `0 … start + t`
 * @param scale `idxH^-½ · idx^-½`; any positive factor leaves the ranking as it is
 * @see DeepSeek-V3.2-Exp report, eq. 1 · HF `GlmMoeDsaIndexer.forward`
 */
export function indexScores<T extends string, D extends string>(
  idxQ: Tensor<[T, "idxH", D]>,
  idxK: KeyRows<NoInfer<D>>,
  idxW: Tensor<[T, "idxH"]>,
  start: number,
  scale: number,
): Tensor<[T, "S"]> {
  checkIndexScores(idxQ, idxK, idxW);
  const [nT, nH, nD] = idxQ.shape;
  const { nS, encoding, view } = idxK;
  const scores = floatsLike(idxQ.data, nT * nS).fill(Number.NEGATIVE_INFINITY);
  const key = new Float64Array(nD);
  for (let s = 0; s < nS; s++) {
    decode(encoding, view, keyAddress(idxK, s), nD, key, 0);
    for (let t = Math.max(0, s - start); t < nT; t++) {
      let sum = 0;
      for (let j = 0; j < nH; j++) {
        let dot = 0;
        for (let d = 0; d < nD; d++) dot += idxQ.data[(t * nH + j) * nD + d] * key[d];
        if (dot > 0) sum += idxW.data[t * nH + j] * dot;
      }
      scores[t * nS + s] = sum * scale;
    }
  }
  return { dims: [idxQ.dims[0], "S"], shape: [nT, nS], data: scores };
}
