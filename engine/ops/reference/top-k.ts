import type { Indices, Tensor } from "../../base/tensor.ts";
import { nanScore } from "../doors.ts";
import { NO_ROW } from "../no-row.ts";

/**
 * The `min(k, S)` largest scores of each row, as ascending positions, padded with −1.
 *
 * A score of `-Infinity` is a row that the query may not see: it is never chosen. Equal scores go
 * to the smaller position, so the choice depends on nothing but the scores. (No official rule
 * exists; the rectifier makes exact ties at zero common.)
 *
 * @throws {OverflowError} when a score is NaN: no order of the rows would be right
 */
export function topK<T extends string>(scores: Tensor<[T, "S"]>, k: number): Indices<[T, "K"]> {
  const [nT, nS] = scores.shape;
  const nK = Math.min(k, nS);
  const chosen = new Int32Array(nT * nK).fill(NO_ROW);
  for (let t = 0; t < nT; t++) {
    const row = scores.data.subarray(t * nS, (t + 1) * nS);
    const ranked = row.slice().sort(); // ascending, NaN last
    if (Number.isNaN(ranked[nS - 1])) throw nanScore(t);
    const threshold = ranked[nS - nK];
    let tiesLeft = nK;
    for (let s = 0; s < nS; s++) if (row[s] > threshold) tiesLeft--;
    let n = 0;
    for (let s = 0; s < nS; s++) {
      if (row[s] === Number.NEGATIVE_INFINITY) continue;
      if (row[s] > threshold || (row[s] === threshold && tiesLeft-- > 0)) chosen[t * nK + n++] = s;
    }
  }
  return { dims: [scores.dims[0], "K"], shape: [nT, nK], data: chosen };
}
