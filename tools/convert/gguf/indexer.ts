/**
 * Indexer heads as wide as llama.cpp needs them: it turns queries and keys by a Hadamard matrix of
 * at least 64 rows and stops at narrower heads. GLM-5.2 has 128 and is left alone.
 *
 * A narrow key is written several times over, so that mean and variance of its LayerNorm stay what
 * they are; the query's further channels are 0. The scores then differ by one positive factor (the
 * root of the head's width), which changes no selection.
 * @module
 */

import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { UserError } from "../../node/user-error.ts";

const HADAMARD = 64;

/**
 * How many times as wide the heads become.
 *
 * @throws {UserError} when no whole number of times fits
 */
export function indexerCopies(headDim: number): number {
  if (headDim % HADAMARD === 0) return 1;
  if (HADAMARD % headDim === 0) return HADAMARD / headDim;
  throw new UserError("glm-dsa", `expected index_head_dim to fit ${HADAMARD}, got ${headDim}`);
}

/** Blocks of `rows` rows, each followed by its copies, or by as many zeros. */
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
