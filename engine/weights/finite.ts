/**
 * Finds NaN and infinity in stored bytes without decoding them. In every format they are the
 * numbers whose exponent bits are all ones; in e4m3 all bits but the sign must be ones.
 * @module
 */

import { coordinates } from "../base/tensor.ts";
import { firstNaNInE4m3 } from "../numbers/formats.ts";
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
  if (dtype === "F8_E4M3") return firstNaNInE4m3(bytes);
  if (dtype === "Q8" || dtype === "Q4") {
    const g = groupScales?.findIndex((bits) => (bits & F16_EXPONENT) === F16_EXPONENT) ?? -1;
    return g < 0 ? g : g * GROUP;
  }

  const width = dtype === "F64" ? 8 : dtype === "F32" ? 4 : 2;
  const ones = { F64: 0x7ff0, F32: 0x7f80, BF16: 0x7f80, F16: F16_EXPONENT }[dtype];
  // The upper 16 bits hold the whole exponent, also in the wider formats.
  const halves = bytes.byteOffset % 2 === 0 ? halvesOf(bytes) : halvesOf(bytes.slice());
  for (let i = width / 2 - 1; i < halves.length; i += width / 2) {
    if ((halves[i] & ones) === ones) return (2 * i + 2 - width) / width;
  }
  return -1;
}

/** Pairs of bytes as the numbers that they are on a little-endian machine, which all of today are. */
function halvesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength >> 1);
}
