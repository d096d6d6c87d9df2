// linear: y[t,o] = Σ_i x[t,i] · w[o,i], w in fp8 (e4m3) with one f32 scale per 128 × 128 block
//
// Specification: engine/ops/reference/linear.ts, with the numbers of engine/numbers/formats.ts
// Difference:    none to linear.ts: the same bits as with the rounded products e · scale in f32.
// Requires:      what linear.ts requires; no NaN in w; |scale| < FP8_SCALE_LIMIT; firstColumn % 8 == 0.
//
// The bits s eeee fff of an e4m3 are moved into an f32, s 0000 eeee fff 0…0, whose value is 2^-120 times
// that of the e4m3, also for denormals. A multiplication with scale · 2^120 does the rest, and rounds
// once.
import { FP8_BLOCK, PANEL_ROWS } from "./layout";
import { joinInOrder } from "./lanes";
import { addBlock, BLOCK_COLUMNS, SUMS_BYTES } from "./tiles";

/** The sign and seven bits behind it, after a shift by 20. They stand in memory for the reason that exp.ts gives. */
const E4M3_BITS = memory.data<u32>([0x87f00000]);

/**
 * @param w           row `firstRow` of the matrix; callers may share out its rows in any way
 * @param scales      all scales of the matrix, `[⌈rows/128⌉, ⌈(firstColumn + nI)/128⌉]`
 * @param firstRow    counts from 0 in the matrix
 * @param firstColumn how many columns of the first block are not here; below 128
 */
export function linearFp8(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  scales: usize,
  firstRow: i32,
  firstColumn: i32,
  nT: i32,
  nI: i32,
  nO: i32,
  scratch: usize,
): void {
  const scaleStride = (<usize>((firstColumn + nI + FP8_BLOCK - 1) / FP8_BLOCK)) << 2;
  if (nT == 1) {
    rowsFp8(y, x, w, wStride, scales, scaleStride, firstRow, firstColumn, nI, nO, scratch);
    return;
  }
  const wide = scratch + <usize>nT * PANEL_ROWS * SUMS_BYTES;
  const wideStride = BLOCK_COLUMNS << 2;
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    const rows = min(PANEL_ROWS, nO - o);
    const yPanel = y + ((<usize>o) << 2);
    for (let i = 0; i < nI; i += BLOCK_COLUMNS) {
      const columns = min(BLOCK_COLUMNS, nI - i);
      for (let r = 0; r < rows; r++) {
        const row = w + <usize>(o + r) * wStride + <usize>i;
        const scale = scales + <usize>((firstRow + o + r) / FP8_BLOCK) * scaleStride;
        const scaleAt = scale + <usize>((i / FP8_BLOCK) << 2);
        widenFp8(wide + r * wideStride, row, scaleAt, firstColumn, columns);
      }
      addBlock(yPanel, yStride, scratch, x, xStride, wide, wideStride, nT, rows, i, nI);
    }
  }
}

/** y[i] = e[i] · scale[⌊(first + i)/128⌋] for n columns; n % 8 == 0, first % 8 == 0, first < 128. */
export function widenFp8(y: usize, e: usize, scale: usize, first: i32, n: i32): void {
  const mask = v128.load32_splat(E4M3_BITS);
  const last = e + <usize>n;
  let end = e + <usize>(FP8_BLOCK - first);
  while (e < last) {
    const factor = f32x4.splat(load<f32>(scale) * TWO_TO_120);
    if (end > last) end = last;
    while (e < end) {
      const v = v128.load8x8_s(e);
      v128.store(y, f32x4.mul(lowHalf(v, mask), factor));
      v128.store(y, f32x4.mul(highHalf(v, mask), factor), 16);
      e += 8;
      y += 32;
    }
    end += FP8_BLOCK;
    scale += 4;
  }
}

const TWO_TO_120: f32 = 1.329227995784916e36;

/** The first four of eight sign-extended bytes, times 2^-120. */
function lowHalf(v: v128, mask: v128): v128 {
  return v128.and(i32x4.shl(i32x4.extend_low_i16x8_s(v), 20), mask);
}

/** The last four. */
function highHalf(v: v128, mask: v128): v128 {
  return v128.and(i32x4.shl(i32x4.extend_high_i16x8_s(v), 20), mask);
}

/** One token against nO rows: row o of each half together, for the reason that rowsF32 of rows.ts gives. */
function rowsFp8(
  y: usize,
  x: usize,
  w: usize,
  wStride: usize,
  scales: usize,
  scaleStride: usize,
  firstRow: i32,
  firstColumn: i32,
  nI: i32,
  nO: i32,
  sums: usize,
): void {
  const half = nO >> 1;
  const wApart = <usize>half * wStride;
  const yApart = <usize>half << 2;
  for (let o = 0; o < half; o++) {
    const scale0 = scales + <usize>((firstRow + o) / FP8_BLOCK) * scaleStride;
    const scale1 = scales + <usize>((firstRow + half + o) / FP8_BLOCK) * scaleStride;
    rows2(y, y + yApart, x, w, w + wApart, scale0, scale1, firstColumn, nI, sums);
    w += wStride;
    y += 4;
  }
  if (half << 1 < nO) {
    const scale = scales + <usize>((firstRow + nO - 1) / FP8_BLOCK) * scaleStride;
    row1(y + yApart, x, w + wApart, scale, firstColumn, nI);
  }
}

/** The sums go through memory because V8 makes 256-bit instructions of what ends in a pair of stores. */
function rows2(
  y0: usize,
  y1: usize,
  x: usize,
  w0: usize,
  w1: usize,
  scale0: usize,
  scale1: usize,
  firstColumn: i32,
  nI: i32,
  sums: usize,
): void {
  const mask = v128.load32_splat(E4M3_BITS);
  let a0 = f32x4.splat(0);
  let b0 = a0;
  let a1 = a0;
  let b1 = a0;
  const last = w0 + <usize>nI;
  let end = w0 + <usize>(FP8_BLOCK - firstColumn);
  while (w0 < last) {
    const factor0 = f32x4.splat(load<f32>(scale0) * TWO_TO_120);
    const factor1 = f32x4.splat(load<f32>(scale1) * TWO_TO_120);
    if (end > last) end = last;
    while (w0 < end) {
      const xa = v128.load(x);
      const xb = v128.load(x, 16);
      const v0 = v128.load8x8_s(w0);
      a0 = f32x4.add(a0, f32x4.mul(xa, f32x4.mul(lowHalf(v0, mask), factor0)));
      b0 = f32x4.add(b0, f32x4.mul(xb, f32x4.mul(highHalf(v0, mask), factor0)));
      const v1 = v128.load8x8_s(w1);
      a1 = f32x4.add(a1, f32x4.mul(xa, f32x4.mul(lowHalf(v1, mask), factor1)));
      b1 = f32x4.add(b1, f32x4.mul(xb, f32x4.mul(highHalf(v1, mask), factor1)));
      x += 32;
      w0 += 8;
      w1 += 8;
    }
    end += FP8_BLOCK;
    scale0 += 4;
    scale1 += 4;
  }
  v128.store(sums, a0);
  v128.store(sums, b0, 16);
  v128.store(sums, a1, 32);
  v128.store(sums, b1, 48);
  store<f32>(y0, joinInOrder(v128.load(sums), v128.load(sums, 16)));
  store<f32>(y1, joinInOrder(v128.load(sums, 32), v128.load(sums, 48)));
}

function row1(y: usize, x: usize, w: usize, scale: usize, firstColumn: i32, nI: i32): void {
  const mask = v128.load32_splat(E4M3_BITS);
  let a = f32x4.splat(0);
  let b = a;
  const last = w + <usize>nI;
  let end = w + <usize>(FP8_BLOCK - firstColumn);
  while (w < last) {
    const factor = f32x4.splat(load<f32>(scale) * TWO_TO_120);
    if (end > last) end = last;
    while (w < end) {
      const v = v128.load8x8_s(w);
      a = f32x4.add(a, f32x4.mul(v128.load(x), f32x4.mul(lowHalf(v, mask), factor)));
      b = f32x4.add(b, f32x4.mul(v128.load(x, 16), f32x4.mul(highHalf(v, mask), factor)));
      x += 32;
      w += 8;
    }
    end += FP8_BLOCK;
    scale += 4;
  }
  store<f32>(y, joinInOrder(a, b));
}
