// widen-panels: w[o,i] = q[o,i] · s[o,g], some columns of one panel as eight rows of f32
//
// Specification: engine/numbers/formats.ts, decode
// Difference:    none.
// Requires:      columns from a multiple of 32 on, nGroups groups of them; scratch for 32 bytes.
//
// A group is taken apart four pairs of columns at a time. Four vectors with one pair of columns of four
// rows each are turned around, and become four rows of eight columns.
import { Q4_GROUP_BYTES, Q8_GROUP_BYTES, SCALE_BYTES } from "./layout";
import { unpackScales } from "./panels";

/** @param w the first of the groups, inside the panel */
export function widenQ8(y: usize, yStride: usize, w: usize, nGroups: i32, scratch: usize): void {
  for (let g = 0; g < nGroups; g++) {
    unpackScales(scratch, w);
    for (let m: usize = 0; m < 4; m++) {
      const at = w + SCALE_BYTES + (m << 6);
      const to = y + (m << 5);
      fourRows(
        to,
        yStride,
        v128.load8x8_s(at),
        v128.load8x8_s(at, 16),
        v128.load8x8_s(at, 32),
        v128.load8x8_s(at, 48),
        scratch,
      );
      fourRows(
        to + (yStride << 2),
        yStride,
        v128.load8x8_s(at, 8),
        v128.load8x8_s(at, 24),
        v128.load8x8_s(at, 40),
        v128.load8x8_s(at, 56),
        scratch + 16,
      );
    }
    w += Q8_GROUP_BYTES;
    y += 128;
  }
}

/** @param w the first of the groups, inside the panel */
export function widenQ4(y: usize, yStride: usize, w: usize, nGroups: i32, scratch: usize): void {
  for (let g = 0; g < nGroups; g++) {
    unpackScales(scratch, w);
    for (let m: usize = 0; m < 4; m++) {
      const at = w + SCALE_BYTES + (m << 5);
      const to = y + (m << 5);
      fourRowsQ4(to, yStride, v128.load(at), scratch);
      fourRowsQ4(to + (yStride << 2), yStride, v128.load(at, 16), scratch + 16);
    }
    w += Q4_GROUP_BYTES;
    y += 128;
  }
}

function fourRowsQ4(y: usize, yStride: usize, v: v128, scales: usize): void {
  const mask = i16x8.splat(0xf);
  const zero = i16x8.splat(8);
  fourRows(
    y,
    yStride,
    i16x8.sub(v128.and(v, mask), zero),
    i16x8.sub(v128.and(i16x8.shr_u(v, 4), mask), zero),
    i16x8.sub(v128.and(i16x8.shr_u(v, 8), mask), zero),
    i16x8.sub(i16x8.shr_u(v, 12), zero),
    scales,
  );
}

/** Pairs of columns 0 1, 2 3, 4 5 and 6 7 of four rows become four rows. */
function fourRows(
  y: usize,
  yStride: usize,
  p01: v128,
  p23: v128,
  p45: v128,
  p67: v128,
  scales: usize,
): void {
  const upper03 = v128.shuffle<i32>(p01, p23, 0, 4, 1, 5);
  const upper47 = v128.shuffle<i32>(p45, p67, 0, 4, 1, 5);
  const lower03 = v128.shuffle<i32>(p01, p23, 2, 6, 3, 7);
  const lower47 = v128.shuffle<i32>(p45, p67, 2, 6, 3, 7);
  oneRow(y, v128.shuffle<i64>(upper03, upper47, 0, 2), v128.load32_splat(scales));
  y += yStride;
  oneRow(y, v128.shuffle<i64>(upper03, upper47, 1, 3), v128.load32_splat(scales, 4));
  y += yStride;
  oneRow(y, v128.shuffle<i64>(lower03, lower47, 0, 2), v128.load32_splat(scales, 8));
  y += yStride;
  oneRow(y, v128.shuffle<i64>(lower03, lower47, 1, 3), v128.load32_splat(scales, 12));
}

/** Eight whole numbers times their scale. */
function oneRow(y: usize, v: v128, scale: v128): void {
  const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v));
  const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v));
  v128.store(y, f32x4.mul(low, scale));
  v128.store(y, f32x4.mul(high, scale), 16);
}
