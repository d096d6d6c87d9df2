/**
 * Cuts fused experts into the form that the model needs. Numbers are moved and never rounded. They keep
 * their format, except where fp8 blocks would be cut.
 * @module
 */

import { decode, encodeF32 } from "../numbers/formats.ts";
import { FP8_BLOCK, type RawTensor } from "../numbers/raw-tensor.ts";

/**
 * Splits fused experts `[E, moe+moe, hidden]` into gates and ups `[E, moe, hidden]`.
 *
 * fp8 becomes f32 first where a block would hold rows of both.
 */
export function splitGateUp(fused: RawTensor): { gate: RawTensor; up: RawTensor } {
  const [nE, nRows, nCols] = fused.shape;
  const half = nRows / 2;
  const cutsBlocks = fused.scales !== undefined && half % FP8_BLOCK !== 0;
  const raw = cutsBlocks ? encodeF32(fused.shape, decode(fused)) : fused;
  const shape = [nE, half, nCols];
  const { dtype, bytes, scales, groupScales } = raw;
  const part = (which: 0 | 1): RawTensor => {
    const half = <A extends Uint8Array | Uint16Array | Float32Array>(all: A): A =>
      everySecond(all, all.length / nE / 2, which);
    return {
      dtype,
      shape,
      bytes: half(bytes),
      ...(scales && { scales: half(scales) }),
      ...(groupScales && { groupScales: half(groupScales) }),
    };
  };
  return { gate: part(0), up: part(1) };
}

/** Joins every second run of `length` elements, beginning with run `which`. */
function everySecond<A extends Uint8Array | Uint16Array | Float32Array>(
  x: A,
  length: number,
  which: 0 | 1,
): A {
  const y = x.slice(0, x.length / 2) as A;
  for (let e = 0; e * length < y.length; e++) {
    const start = (2 * e + which) * length;
    y.set(x.subarray(start, start + length), e * length);
  }
  return y;
}
