import { floatsLike, type Tensor } from "../../base/tensor.ts";
import type { RopeTable } from "../../numbers/rope-table.ts";
import { checkRope } from "../doors.ts";

/**
 * Rotates neighbours: with `(c, s) = (cos, sin)` of pair `j` at row `t`,
 * `y[2j] = x[2j]·c − x[2j+1]·s` and `y[2j+1] = x[2j+1]·c + x[2j]·s`, the same for every head.
 *
 * Not the half-split form, which pairs `x[j]` with `x[j + rope/2]`: GLM-5.2 was trained with
 * neighbours in the attention and in the indexer alike.
 *
 * @see Su et al., RoFormer, arXiv 2104.09864, eq. 34
 */
export function ropeInterleaved<
  D extends readonly [string, "rope"] | readonly [string, string, "rope"],
>(x: Tensor<D>, table: RopeTable): Tensor<D> {
  checkRope(x, table);
  const { nPairs } = table;
  const nT = x.shape[0];
  const nH = x.shape.length === 3 ? x.shape[1] : 1;
  const y = floatsLike(x.data, x.data.length);
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let j = 0; j < nPairs; j++) {
        const at = ((t * nH + h) * nPairs + j) * 2;
        const cos = table.cos[t * nPairs + j];
        const sin = table.sin[t * nPairs + j];
        y[at] = x.data[at] * cos - x.data[at + 1] * sin;
        y[at + 1] = x.data[at + 1] * cos + x.data[at] * sin;
      }
    }
  }
  return { dims: x.dims, shape: x.shape, data: y };
}
