/**
 * Finds NaN and infinity in stored bytes without decoding them. In every format they are the
 * numbers whose exponent bits are all ones; in e4m3 all bits but the sign must be ones.
 * @module
 */

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
const MASKS: Readonly<Record<string, ExponentMask>> = {
  F64: { mask: 0x7ff00000, one: 0x00100000, step: 8 },
  F32: { mask: 0x7f800000, one: 0x00800000, step: 4 },
  BF16: { mask: 0x7f807f80, one: 0x00800080, step: 4 },
  F16: { mask: 0x7c007c00, one: 0x04000400, step: 4 },
  F8_E5M2: { mask: 0x7c7c7c7c, one: 0x04040404, step: 4 },
  F8_E4M3: { mask: 0x7f7f7f7f, one: 0x01010101, step: 4 },
};

/** The mask of a format; zeros for one in which every number is finite. */
export function exponentMask(dtype: string): ExponentMask {
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

/** Whether all numbers in this format are finite. */
export function areFinite(dtype: string, { buffer, byteOffset, byteLength }: Uint8Array): boolean {
  const { mask, one, step } = exponentMask(dtype);
  return isAllFinite(new DataView(buffer, byteOffset, byteLength), mask, one, step);
}
