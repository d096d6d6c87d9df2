/**
 * Widens the heads of the indexer for llama.cpp, which multiplies indexer queries and keys by a
 * Hadamard matrix of at least 64 rows and so cannot run narrower heads. Heads of GLM-5.2 have 128
 * channels and are not changed; small test models need this.
 *
 * The weights of a narrow key are written several times, so that mean and variance in its LayerNorm
 * do not change. The added channels of the query are 0. The scores then differ by one positive
 * factor, because they are divided by the root of the head's width. This changes no selection.
 * @module
 */

import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { UserError } from "../../node/user-error.ts";

/** The smallest number of rows of llama.cpp's Hadamard matrix. */
const HADAMARD = 64;

/**
 * The factor by which the heads are widened.
 *
 * @throws {UserError} when the factor would not be a whole number
 */
export function indexerCopies(headDim: number): number {
  if (headDim % HADAMARD === 0) return 1;
  if (HADAMARD % headDim === 0) return HADAMARD / headDim;
  throw new UserError("glm-dsa", `expected index_head_dim to fit ${HADAMARD}, got ${headDim}`);
}

/**
 * Widens a tensor whose rows come in blocks of `rows`, one block for each head: each block becomes
 * `copies` blocks, which are copies of it, or, with `zeros`, the block itself and then zeros.
 */
export function widen(raw: RawTensor, rows: number, copies: number, zeros: boolean): RawTensor {
  if (copies === 1) return raw;
  const from = decode(raw);
  const [nRows, ...rest] = raw.shape;
  const block = (from.length / nRows) * rows;
  const to = new Float64Array(from.length * copies);
  for (let at = 0; at < from.length; at += block) {
    const values = from.subarray(at, at + block);
    for (let i = 0; i < (zeros ? 1 : copies); i++) to.set(values, at * copies + i * block);
  }
  return encodeF32([nRows * copies, ...rest], to);
}
