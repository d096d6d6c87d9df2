/**
 * Finds NaN and infinity in stored bytes without decoding them. In every format they are the
 * numbers whose exponent bits are all ones; in e4m3 all bits but the sign must be ones.
 * @module
 */

import { coordinates } from "../base/tensor.ts";
import { isNaNInE4m3 } from "../numbers/formats.ts";
import { E4M3_MAX, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import { WeightsError } from "./weights-error.ts";

/** The exponent bits of an f16. */
const F16_EXPONENT = 0x7c00;

/**
 * Checks that all numbers of a tensor, and all its scales, are finite.
 *
 * @param scales the name of its scales, if it is in fp8
 * @throws {WeightsError} that names the tensor and the place of the first one that is not
 */
export function checkFinite(name: string, raw: RawTensor, scales: string): void {
  const at = firstNotFinite(raw);
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
function firstNotFinite({ dtype, bytes, groupScales }: RawTensor): number {
  if (dtype === "F8_E4M3") return hasOnes(bytes, ONES[dtype]) ? bytes.findIndex(isNaNInE4m3) : -1;
  if (dtype === "Q8" || dtype === "Q4") {
    const g = groupScales?.findIndex((bits) => (bits & F16_EXPONENT) === F16_EXPONENT) ?? -1;
    return g < 0 ? g : g * GROUP;
  }
  if (!hasOnes(bytes, ONES[dtype])) return -1;

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = dtype === "F64" ? 8 : dtype === "F32" ? 4 : 2;
  const ones = { F64: 0x7ff0, F32: 0x7f80, BF16: 0x7f80, F16: F16_EXPONENT }[dtype];
  // The upper 16 bits hold the whole exponent, also in the wider formats.
  for (let i = width - 2; i < bytes.length; i += width) {
    if ((view.getUint16(i, true) & ones) === ones) return (i - width + 2) / width;
  }
  return -1;
}

/**
 * The bits that are all ones in what is not finite, in every number of a 32-bit word. Of an f64, these are in
 * the upper one of its two words; a lower one may look the same, and then numbers are looked at one by one.
 */
const ONES = {
  F64: 0x7ff0_0000,
  F32: 0x7f80_0000,
  BF16: 0x7f80_7f80,
  F16: 0x7c00_7c00,
  F8_E4M3: 0x7f7f_7f7f,
} as const;

/**
 * Whether all of the bits `ones` are set in some number of a word. Adding the lowest of these bits carries into
 * the sign of a number, if they are all set, and no further.
 */
function hasOnes(bytes: Uint8Array, ones: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signs = (ones << 1) & ~ones;
  const lowest = ones & ~(ones << 1);
  const whole = bytes.length - (bytes.length % 4);
  let carries = 0;
  for (let i = 0; i < whole; i += 4) carries |= (view.getInt32(i, true) & ones) + lowest;
  if ((carries & signs) !== 0) return true;
  const rest = new Uint8Array(4);
  rest.set(bytes.subarray(whole));
  return whole < bytes.length && hasOnes(rest, ones);
}
