// quantize-rows: x[i] ≈ q[i] · d, a group of 32 numbers with one scale d, q whole and |q| ≤ 127
//
// Specification: engine/ops/reference/int8-rows.ts
// Difference:    none.
// Requires:      x has nGroups · 32 numbers to a row; y has 72 bytes to a group, as panels.ts says.
//
// A q4 number is multiplied with x where it stands in its half word, and is 1, 16 or 256 times too large
// there. So x is stored 256, 16 or 1 times as large, and every product is 256 times too large; the factor
// makes up for that. All of these are powers of two, so nothing is rounded.
import { X_FACTOR, X_FIRST_SUM, X_GROUP_BYTES, X_QUANT_BYTES } from "./layout";

/** Rows for q8. */
export function quantizeRowsQ8(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  nT: i32,
  nGroups: i32,
): void {
  for (let t = 0; t < nT; t++) {
    for (let g = 0; g < nGroups; g++) {
      const group = y + <usize>g * X_GROUP_BYTES;
      const d = quantizeGroup(group, x + ((<usize>g) << 7));
      store<f32>(group, d, X_FACTOR);
      store<i32>(group, 0, X_FIRST_SUM);
    }
    y += yStride;
    x += xStride;
  }
}

/** How much larger x is stored for numbers at bits 0, 4, 8 and 12; those at 12 are shifted down to bit 0. */
const Q4_PLACES = memory.data<i16>([256, 256, 16, 16, 1, 1, 256, 256]);

/** Every q4 number is stored 8 too large, so a sum begins with −8 times the sum of x. */
const Q4_SUM = -8 * 256;

/** Rows for q4. */
export function quantizeRowsQ4(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  nT: i32,
  nGroups: i32,
): void {
  const places = v128.load(Q4_PLACES);
  for (let t = 0; t < nT; t++) {
    for (let g = 0; g < nGroups; g++) {
      const group = y + <usize>g * X_GROUP_BYTES;
      const d = quantizeGroup(group, x + ((<usize>g) << 7));
      store<f32>(group, d / 256, X_FACTOR);
      let sum: i32 = 0;
      for (let i: usize = 0; i < X_QUANT_BYTES; i += 2) sum += load<i16>(group + i);
      store<i32>(group, sum * Q4_SUM, X_FIRST_SUM);
      for (let i: usize = 0; i < X_QUANT_BYTES; i += 16) {
        v128.store(group + i, i16x8.mul(v128.load(group + i), places));
      }
    }
    y += yStride;
    x += xStride;
  }
}

/** The smallest scale that is a normal number. Below it the group is zeros. */
const SMALLEST: f32 = 1.1754943508222875e-38;

/** Writes 32 half words and returns their scale: max |x| / 127. */
function quantizeGroup(q: usize, x: usize): f32 {
  let m = f32x4.abs(v128.load(x));
  for (let b: usize = 16; b < 128; b += 16) m = f32x4.max(m, f32x4.abs(v128.load(x + b)));
  const pairs = f32x4.max(m, v128.shuffle<i64>(m, m, 1, 0));
  const largest = max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
  const d = largest / 127;
  if (d < SMALLEST) {
    memory.fill(q, 0, X_QUANT_BYTES);
    return 0;
  }
  const inverse = f32x4.splat(1 / d);
  for (let b: usize = 0; b < 128; b += 32) {
    const low = f32x4.nearest(f32x4.mul(v128.load(x + b), inverse));
    const high = f32x4.nearest(f32x4.mul(v128.load(x + b, 16), inverse));
    const whole = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(low), i32x4.trunc_sat_f32x4_s(high));
    v128.store(q + (b >> 1), whole);
  }
  return d;
}
