// linear: y[t,o] = Σ_i x[t,i] · w[o,i], w in bf16
//
// Specification: engine/ops/reference/linear.ts
// Difference:    none to linear.ts: the same bits as with w in f32.
// Requires:      what linear.ts requires.
//
// With one token, the rows are multiplied as they lie in memory. With several, each block of w is widened
// to f32 first.
import { PANEL_ROWS } from "./layout";
import { widenBf16 } from "./embed";
import { joinEvenOdd } from "./lanes";
import { addBlock, BLOCK_COLUMNS, SUMS_BYTES } from "./tiles";

export function linearBf16(
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
    evenThenOdd(scratch, x, nI);
    rowsBf16(y, scratch, w, wStride, nI, nO);
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
        widenBf16(wide + r * wideStride, wPanel + <usize>r * wStride + ((<usize>i) << 1), columns);
      }
      addBlock(yPanel, yStride, scratch, x, xStride, wide, wideStride, nT, rows, i, nI);
    }
  }
}

/** Each eight numbers of x as 0 2 4 6 1 3 5 7: the order in which bf16 pairs are taken apart. */
function evenThenOdd(y: usize, x: usize, n: i32): void {
  const end = x + ((<usize>n) << 2);
  while (x < end) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    v128.store(y, v128.shuffle<i32>(a, b, 0, 2, 4, 6));
    v128.store(y, v128.shuffle<i32>(a, b, 1, 3, 5, 7), 16);
    x += 32;
    y += 32;
  }
}

/** The bits of the odd bf16 in a pair. They stand in memory for the reason that exp.ts gives. */
const UPPER_HALF = memory.data<u32>([0xffff0000]);

/** One token, laid out by evenThenOdd, against nO rows, as rowsF32 of rows.ts goes through them. */
function rowsBf16(y: usize, x: usize, w: usize, wStride: usize, nI: i32, nO: i32): void {
  const quarter = nO >> 2;
  for (let o = 0; o < quarter; o++) {
    rows4Bf16(y, <usize>quarter << 2, x, w, <usize>quarter * wStride, nI);
    w += wStride;
    y += 4;
  }
  w += <usize>(3 * quarter) * wStride;
  y += <usize>(3 * quarter) << 2;
  for (let o = quarter << 2; o < nO; o++) {
    row1Bf16(y, x, w, nI);
    w += wStride;
    y += 4;
  }
}

// A word of 32 bits holds two bf16: the even one in the lower half, the odd one in the upper. A shift to
// the left leaves the even one, a mask leaves the odd one.
function rows4Bf16(y: usize, yApart: usize, x: usize, w0: usize, wApart: usize, nI: i32): void {
  const mask = v128.load32_splat(UPPER_HALF);
  let w1 = w0 + wApart;
  let w2 = w1 + wApart;
  let w3 = w2 + wApart;
  let e0 = f32x4.splat(0);
  let e1 = e0;
  let e2 = e0;
  let e3 = e0;
  let o0 = e0;
  let o1 = e0;
  let o2 = e0;
  let o3 = e0;
  const end = x + ((<usize>nI) << 2);
  while (x < end) {
    const even = v128.load(x);
    const odd = v128.load(x, 16);
    const v0 = v128.load(w0);
    e0 = f32x4.add(e0, f32x4.mul(even, i32x4.shl(v0, 16)));
    o0 = f32x4.add(o0, f32x4.mul(odd, v128.and(v0, mask)));
    const v1 = v128.load(w1);
    e1 = f32x4.add(e1, f32x4.mul(even, i32x4.shl(v1, 16)));
    o1 = f32x4.add(o1, f32x4.mul(odd, v128.and(v1, mask)));
    const v2 = v128.load(w2);
    e2 = f32x4.add(e2, f32x4.mul(even, i32x4.shl(v2, 16)));
    o2 = f32x4.add(o2, f32x4.mul(odd, v128.and(v2, mask)));
    const v3 = v128.load(w3);
    e3 = f32x4.add(e3, f32x4.mul(even, i32x4.shl(v3, 16)));
    o3 = f32x4.add(o3, f32x4.mul(odd, v128.and(v3, mask)));
    const even2 = v128.load(x, 32);
    const odd2 = v128.load(x, 48);
    const u0 = v128.load(w0, 16);
    e0 = f32x4.add(e0, f32x4.mul(even2, i32x4.shl(u0, 16)));
    o0 = f32x4.add(o0, f32x4.mul(odd2, v128.and(u0, mask)));
    const u1 = v128.load(w1, 16);
    e1 = f32x4.add(e1, f32x4.mul(even2, i32x4.shl(u1, 16)));
    o1 = f32x4.add(o1, f32x4.mul(odd2, v128.and(u1, mask)));
    const u2 = v128.load(w2, 16);
    e2 = f32x4.add(e2, f32x4.mul(even2, i32x4.shl(u2, 16)));
    o2 = f32x4.add(o2, f32x4.mul(odd2, v128.and(u2, mask)));
    const u3 = v128.load(w3, 16);
    e3 = f32x4.add(e3, f32x4.mul(even2, i32x4.shl(u3, 16)));
    o3 = f32x4.add(o3, f32x4.mul(odd2, v128.and(u3, mask)));
    x += 64;
    w0 += 32;
    w1 += 32;
    w2 += 32;
    w3 += 32;
  }
  store<f32>(y, joinEvenOdd(e0, o0));
  store<f32>(y + yApart, joinEvenOdd(e1, o1));
  store<f32>(y + 2 * yApart, joinEvenOdd(e2, o2));
  store<f32>(y + 3 * yApart, joinEvenOdd(e3, o3));
}

function row1Bf16(y: usize, x: usize, w: usize, nI: i32): void {
  const mask = v128.load32_splat(UPPER_HALF);
  let even = f32x4.splat(0);
  let odd = even;
  const end = x + ((<usize>nI) << 2);
  while (x < end) {
    const v = v128.load(w);
    even = f32x4.add(even, f32x4.mul(v128.load(x), i32x4.shl(v, 16)));
    odd = f32x4.add(odd, f32x4.mul(v128.load(x, 16), v128.and(v, mask)));
    x += 32;
    w += 16;
  }
  store<f32>(y, joinEvenOdd(even, odd));
}
