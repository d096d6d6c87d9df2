/** Numbers that are not finite are found in every format, at every place. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { firstNotFinite } from "../../../engine/weights/finite.ts";
import { STORED_BYTES, type StoredDtype } from "../../../engine/weights/safetensors.ts";

/** Bits of the exponent and of the fraction, by the definition of each format. */
const FORMATS: Partial<Record<StoredDtype, readonly [number, number]>> = {
  F64: [11, 52],
  F32: [8, 23],
  BF16: [8, 7],
  F16: [5, 10],
  F8_E5M2: [5, 2],
  F8_E4M3: [4, 3],
};

/** Bytes of numbers that are not finite, or nearly so. */
const NEAR = [0x7f, 0xff, 0xf0, 0x7e, 0x80, 0x7c];

/** Whether a number is finite, one at a time, from its bits. */
function isFiniteByBits(dtype: StoredDtype, bits: bigint): boolean {
  const format = FORMATS[dtype];
  if (!format) return true;
  const ones = (n: number) => (1n << BigInt(n)) - 1n;
  const [exponent, fraction] = format;
  // e4m3 has no infinity: only where the fraction is ones, too, it is NaN.
  const all = dtype === "F8_E4M3" ? ones(exponent + fraction) : ones(exponent) << BigInt(fraction);
  return (bits & all) !== all;
}

const bitsAt = (bytes: Uint8Array, width: number, i: number): bigint =>
  bytes.slice(i * width, (i + 1) * width).reduceRight((sum, byte) => 256n * sum + BigInt(byte), 0n);

describe("the first number that is not finite", () => {
  const draw = seededRandom(5);
  for (const dtype of Object.keys(STORED_BYTES) as StoredDtype[]) {
    if (dtype === "F8_E8M0") continue; // the format of no weight
    it(`is that of a look at each: ${dtype}`, () => {
      const width = STORED_BYTES[dtype];
      let nBad = 0;
      for (let round = 0; round < 300; round++) {
        const n = Math.floor(draw() * 40);
        const shift = Math.floor(draw() * 8);
        const bytes = new Uint8Array(shift + n * width).subarray(shift);
        // Many bytes of ones, so that some numbers are not finite, and many are nearly so.
        for (let i = 0; i < bytes.length; i++) {
          bytes[i] = draw() < 0.3 ? NEAR[Math.floor(draw() * NEAR.length)] : draw() * 100;
        }
        const want = Array.from({ length: n }, (_, i) => bitsAt(bytes, width, i)).findIndex(
          (bits) => !isFiniteByBits(dtype, bits),
        );
        expect(firstNotFinite(dtype, bytes)).toBe(want);
        nBad += Number(want >= 0);
      }
      const isChecked = FORMATS[dtype] !== undefined;
      expect(nBad > 0).toBe(isChecked);
      expect(nBad).toBeLessThan(300);
    });
  }
});
