// linear: y[t,o] = Σ_i x[t,i] · w[o,i], w in f16
//
// Specification: engine/ops/reference/linear.ts, with the numbers of engine/numbers/formats.ts
// Difference:    none to linear.ts: the same bits as with w in f32.
// Requires:      what linear.ts requires; neither infinities nor NaN in w.
//
// The bits s eeeee f…f of an f16 are moved into an f32, s 000 eeeee f…f 0…0, whose value is 2^-112 times
// that of the f16, also for denormals. One exact multiplication with 2^112 does the rest (widenF16 in
// panels.ts).
import { PANEL_ROWS } from "./layout";
import { joinFour, joinInOrder } from "./lanes";
import { widenF16 } from "./panels";
import { addBlock, BLOCK_COLUMNS, SUMS_BYTES } from "./tiles";

export function linearF16(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  nT: i32,
  nI: i32,
  nO: i32,
  scratch: usize,
): void {
  if (nT == 1) {
    rowsF16(y, x, w, wStride, nI, nO, scratch);
    return;
  }
  const wide = scratch + <usize>nT * PANEL_ROWS * SUMS_BYTES;
  const wideStride = BLOCK_COLUMNS << 2;
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    const rows = min(PANEL_ROWS, nO - o);
    const yPanel = y + ((<usize>o) << 2);
    const wPanel = w + <usize>o * wStride;
    for (let i = 0; i < nI; i += BLOCK_COLUMNS) {
      const columns = min(BLOCK_COLUMNS, nI - i);
      for (let r = 0; r < rows; r++) {
        widenRowF16(wide + r * wideStride, wPanel + <usize>r * wStride + ((<usize>i) << 1), columns);
      }
      addBlock(yPanel, yStride, scratch, x, xStride, wide, wideStride, nT, rows, i, nI);
    }
  }
}

/** y[i] = x[i], from f16 to f32; n % 8 == 0. */
export function widenRowF16(y: usize, x: usize, n: i32): void {
  const end = x + ((<usize>n) << 1);
  while (x < end) {
    const v = v128.load(x);
    v128.store(y, widenF16(i32x4.extend_low_i16x8_s(v)));
    v128.store(y, widenF16(i32x4.extend_high_i16x8_s(v)), 16);
    x += 16;
    y += 32;
  }
}

/** One token against nO rows, as rowsF32 of rows.ts goes through them. */
function rowsF16(
  y: usize,
  x: usize,
  w: usize,
  wStride: usize,
  nI: i32,
  nO: i32,
  sums: usize,
): void {
  const quarter = nO >> 2;
  for (let o = 0; o < quarter; o++) {
    rows4F16(y, <usize>quarter << 2, x, w, <usize>quarter * wStride, nI, sums);
    w += wStride;
    y += 4;
  }
  w += <usize>(3 * quarter) * wStride;
  y += <usize>(3 * quarter) << 2;
  for (let o = quarter << 2; o < nO; o++) {
    row1F16(y, x, w, nI);
    w += wStride;
    y += 4;
  }
}

/** The sums go through memory because V8 makes 256-bit instructions of what ends in a pair of stores. */
function rows4F16(
  y: usize,
  yApart: usize,
  x: usize,
  w0: usize,
  wApart: usize,
  nI: i32,
  sums: usize,
): void {
  const w1 = w0 + wApart;
  const w2 = w1 + wApart;
  const w3 = w2 + wApart;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  const bytes = (<usize>nI) << 1;
  for (let i: usize = 0; i < bytes; i += 16) {
    const xa = v128.load(x);
    const xb = v128.load(x, 16);
    a0 = f32x4.add(a0, f32x4.mul(xa, widenF16(v128.load16x4_s(w0 + i))));
    b0 = f32x4.add(b0, f32x4.mul(xb, widenF16(v128.load16x4_s(w0 + i, 8))));
    a1 = f32x4.add(a1, f32x4.mul(xa, widenF16(v128.load16x4_s(w1 + i))));
    b1 = f32x4.add(b1, f32x4.mul(xb, widenF16(v128.load16x4_s(w1 + i, 8))));
    a2 = f32x4.add(a2, f32x4.mul(xa, widenF16(v128.load16x4_s(w2 + i))));
    b2 = f32x4.add(b2, f32x4.mul(xb, widenF16(v128.load16x4_s(w2 + i, 8))));
    a3 = f32x4.add(a3, f32x4.mul(xa, widenF16(v128.load16x4_s(w3 + i))));
    b3 = f32x4.add(b3, f32x4.mul(xb, widenF16(v128.load16x4_s(w3 + i, 8))));
    x += 32;
  }
  v128.store(sums, a0);
  v128.store(sums, b0, 16);
  v128.store(sums, a1, 32);
  v128.store(sums, b1, 48);
  v128.store(sums, a2, 64);
  v128.store(sums, b2, 80);
  v128.store(sums, a3, 96);
  v128.store(sums, b3, 112);
  const y4 = joinFour(sums);
  store<f32>(y, f32x4.extract_lane(y4, 0));
  store<f32>(y + yApart, f32x4.extract_lane(y4, 1));
  store<f32>(y + 2 * yApart, f32x4.extract_lane(y4, 2));
  store<f32>(y + 3 * yApart, f32x4.extract_lane(y4, 3));
}

function row1F16(y: usize, x: usize, w: usize, nI: i32): void {
  let a = f32x4.splat(0);
  let b = a;
  const end = w + ((<usize>nI) << 1);
  while (w < end) {
    a = f32x4.add(a, f32x4.mul(v128.load(x), widenF16(v128.load16x4_s(w))));
    b = f32x4.add(b, f32x4.mul(v128.load(x, 16), widenF16(v128.load16x4_s(w, 8))));
    x += 32;
    w += 16;
  }
  store<f32>(y, joinInOrder(a, b));
}
