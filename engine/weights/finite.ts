/**
 * Finds NaN and infinity in stored bytes without decoding them. In every format they are the
 * numbers whose exponent bits are all ones; in e4m3 all bits but the sign must be ones.
 * @module
 */

import { coordinates } from "../base/tensor.ts";
import { E4M3_MAX, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import { STORED_BYTES, type StoredDtype } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/**
 * How to find numbers that are not finite in words of 32 bits: take the bits of `mask`, which are those
 * of the exponents (in e4m3, all but the sign), and add `one`, their lowest bits. Where all of them
 * are ones, the sum carries into the sign.
 */
export interface ExponentMask {
  readonly mask: number;
  readonly one: number;
  /** Bytes from one word with an exponent to the next. */
  readonly step: number;
}

/** Formats whose numbers are all finite, and e8m0, which is no format of weights, are not here. */
const MASKS: Partial<Record<StoredDtype, ExponentMask>> = {
  F64: { mask: 0x7ff00000, one: 0x00100000, step: 8 },
  F32: { mask: 0x7f800000, one: 0x00800000, step: 4 },
  BF16: { mask: 0x7f807f80, one: 0x00800080, step: 4 },
  F16: { mask: 0x7c007c00, one: 0x04000400, step: 4 },
  F8_E5M2: { mask: 0x7c7c7c7c, one: 0x04040404, step: 4 },
  F8_E4M3: { mask: 0x7f7f7f7f, one: 0x01010101, step: 4 },
};

/** The mask of a format; zeros for one in which every number is finite. */
export function exponentMask(dtype: StoredDtype): ExponentMask {
  return MASKS[dtype] ?? { mask: 0, one: 0, step: 4 };
}

/**
 * Whether all numbers are finite: four bytes at a time, without a look at each.
 *
 * It uses nothing but its arguments, so that a thread can be started from its text.
 */
export function isAllFinite(view: DataView, mask: number, one: number, step: number): boolean {
  let sums = 0;
  let at = step - 4; // the upper half of an f64
  for (; at + 4 <= view.byteLength; at += step) {
    sums |= (view.getInt32(at, true) & mask) + one;
  }
  let last = 0;
  for (let i = 0; at + i < view.byteLength; i++) last |= view.getUint8(at + i) << (8 * i);
  sums |= (last & mask) + one;
  return (sums & (mask + one)) === 0;
}

/** The index of the first number that is not finite, or −1. */
export function firstNotFinite(dtype: StoredDtype, bytes: Uint8Array): number {
  const { mask, one, step } = exponentMask(dtype);
  const width = STORED_BYTES[dtype];
  let [first, end] = [0, Math.floor(bytes.length / width)];
  const isClean = (from: number, to: number): boolean => {
    const at = bytes.byteOffset + from * width;
    return isAllFinite(new DataView(bytes.buffer, at, (to - from) * width), mask, one, step);
  };
  if (isClean(first, end)) return -1;
  while (end - first > 1) {
    const middle = (first + end) >> 1;
    if (isClean(first, middle)) first = middle;
    else end = middle;
  }
  return first;
}

/**
 * Checks that all numbers of a tensor, and all its scales, are finite.
 *
 * @param scales the name of its scales, if it is in fp8
 * @throws {WeightsError} that names the tensor and the place of the first one that is not
 */
export function checkFinite(name: string, raw: RawTensor, scales: string): void {
  const at = firstBad(raw);
  if (at >= 0) {
    const index = coordinates(at, raw.shape).join(", ");
    throw new WeightsError(name, `expected finite numbers, got NaN or infinity at [${index}]`);
  }
  // A block's largest value times its scale must still be an f32.
  const scale = raw.scales?.findIndex((s) => !Number.isFinite(Math.fround(s * E4M3_MAX))) ?? -1;
  if (scale >= 0) {
    const value = raw.scales?.[scale];
    throw new WeightsError(scales, `expected a finite scale, got ${value} at ${scale}`);
  }
}

/** The flat index of the first number that is NaN or infinite, or −1. */
function firstBad({ dtype, bytes, groupScales }: RawTensor): number {
  if (dtype !== "Q8" && dtype !== "Q4") return firstNotFinite(dtype, bytes);
  if (!groupScales) return -1;
  const { buffer, byteOffset, byteLength } = groupScales;
  const group = firstNotFinite("F16", new Uint8Array(buffer, byteOffset, byteLength));
  return group < 0 ? group : group * GROUP;
}
