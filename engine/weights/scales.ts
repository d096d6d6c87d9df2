/**
 * The scales of an fp8 matrix: where they stand, and what they may be stored in. Every format is
 * widened exactly to f32.
 *
 * Next: match-tensors.ts
 * @module
 */
import { decode } from "../numbers/formats.ts";
import { BYTES_PER_ELEMENT, type Dtype } from "../numbers/raw-tensor.ts";
import type { StoredTensor } from "./checkpoint.ts";
import { GROUP_SCALE_SUFFIX, SCALE_SUFFIX } from "./names.ts";

/** The exponent of 1 in e8m0, a format of powers of two. */
const E8M0_ONE = 127;
/** The one code of e8m0 that is no number. */
const E8M0_NAN = 255;

/** The formats that scales may be stored in, for messages. */
export const SCALE_FORMATS = "F32, F64, BF16, F16 or F8_E8M0";

/** Whether scales may be stored in a format. */
export function mayBeScale(dtype: string): boolean {
  return dtype === "F8_E8M0" || (Object.hasOwn(BYTES_PER_ELEMENT, dtype) && dtype !== "F8_E4M3");
}

/**
 * The name of the scales of an fp8 matrix: `_scale_inv` as released, or `_scale` as some tools write
 * it. Both multiply.
 */
export function scaleName(matrix: string, has: (name: string) => boolean): string {
  const other = matrix + GROUP_SCALE_SUFFIX;
  return !has(matrix + SCALE_SUFFIX) && has(other) ? other : matrix + SCALE_SUFFIX;
}

/** The scales as numbers. */
export function decodeScales({ dtype, shape, bytes }: StoredTensor): Float32Array {
  if (dtype === "F8_E8M0") {
    return Float32Array.from(bytes, (b) => (b === E8M0_NAN ? Number.NaN : 2 ** (b - E8M0_ONE)));
  }
  return Float32Array.from(decode({ dtype: dtype as Dtype, shape, bytes }));
}
