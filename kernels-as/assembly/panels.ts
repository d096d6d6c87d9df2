// panels: how q8 and q4 matrices lie in memory, and what their products have in common.
//
// A panel is eight rows. For each group of 32 columns it holds the eight scales, then the numbers in
// the order in which the kernels want them:
//
//     eight f16 scales, of rows 0 … 7                                                       16 bytes
//     q8: for p = 0 … 15:   columns 2p, 2p + 1 of row 0, of row 1, … of row 7               16 bytes
//     q4: for m = 0 … 3:    half words (row 0, e = 0), (row 0, e = 1), (row 1, e = 0), …    32 bytes
//                           bits 4k … 4k + 3 of one are column 8m + 2k + e
//
// Eight half words, once widened, are a pair of columns of four rows: i32x4.dot_i16x8_s of them with
// the same pair of x in all lanes is what the pair adds to each row. So lanes are rows, no sum is
// ever taken across lanes, and a scale is applied to four rows at once.
//
// x comes as quantize-rows.ts writes it. A group of it has 72 bytes: 32 half words, then the f32 that all
// of them are multiplied with, then the i32 that every sum begins with.
import { PANEL_ROWS } from "./layout";

/** Panels that one token meets together. */
export const PANELS = 4;

/** Tokens that one panel meets together. */
export const TOKENS = 4;

/** The bits of numbers 0, 1 and 2 of a half word of q4. They stand in memory for the reason that exp.ts gives. */
export const Q4_MASKS = memory.data<u16>([0x000f, 0x00f0, 0x0f00]);

/** Bytes of the sums of one panel and one token: an f32 for each row. */
export const PANEL_SUM_BYTES: usize = PANEL_ROWS * 4;

/** The sign and fifteen bits behind it, after a shift by 13, and 2^112; in memory as well. */
const F16_BITS = memory.data<u32>([0x8fffe000]);
const TWO_TO_112 = memory.data<f32>([5.192296858534828e33]);

/** Sign-extended f16 bits to f32, denormals and all; neither infinities nor NaN. */
export function widenF16(bits: v128): v128 {
  const shifted = v128.and(i32x4.shl(bits, 13), v128.load32_splat(F16_BITS));
  return f32x4.mul(shifted, v128.load32_splat(TWO_TO_112));
}

/** The scales of rows 0 … 3, from eight f16. */
export function scalesLow(f16: v128): v128 {
  return widenF16(i32x4.extend_low_i16x8_s(f16));
}

/** The scales of rows 4 … 7. */
export function scalesHigh(f16: v128): v128 {
  return widenF16(i32x4.extend_high_i16x8_s(f16));
}

/** Writes the eight scales of a group in f32. */
export function unpackScales(y: usize, w: usize): void {
  const f16 = v128.load(w);
  v128.store(y, scalesLow(f16));
  v128.store(y, scalesHigh(f16), 16);
}

/** sum + w · x: two columns of four rows. */
export function dot(sum: v128, w: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(w, x));
}

/**
 * Adds scales · factor · dots of one group to the eight sums in memory. The two loads stand before the two
 * stores, so that V8 can make one 256-bit instruction of each pair.
 */
export function addSums(
  sums: usize,
  low: v128,
  high: v128,
  scalesLow: v128,
  scalesHigh: v128,
  factor: v128,
): void {
  const oldLow = v128.load(sums);
  const oldHigh = v128.load(sums, 16);
  const addLow = f32x4.mul(f32x4.mul(scalesLow, factor), f32x4.convert_i32x4_s(low));
  const addHigh = f32x4.mul(f32x4.mul(scalesHigh, factor), f32x4.convert_i32x4_s(high));
  v128.store(sums, f32x4.add(oldLow, addLow));
  v128.store(sums, f32x4.add(oldHigh, addHigh), 16);
}

/** Writes the first `rows` of the eight sums of each token to y. */
export function storeSums(y: usize, yStride: usize, sums: usize, nT: i32, rows: i32): void {
  for (let t = 0; t < nT; t++) {
    if (rows >= PANEL_ROWS) {
      v128.store(y, v128.load(sums));
      v128.store(y, v128.load(sums, 16), 16);
    } else {
      for (let r = 0; r < rows; r++) {
        store<f32>(y + ((<usize>r) << 2), load<f32>(sums + ((<usize>r) << 2)));
      }
    }
    y += yStride;
    sums += PANEL_SUM_BYTES;
  }
}
