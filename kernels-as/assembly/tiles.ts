// tiles: the inner loops of linear, over f32.
//
// Each result has its own two accumulators of four lanes; a tile only decides how many results are
// made side by side: 1 token × 4 rows, or 2 tokens × 2 rows. Eight accumulators keep the adders
// busy; with more, V8 would spill (it has 15 registers to give). lanes.ts tells how the eight sums
// become one.
import { joinInOrder } from "./lanes";

/** Rows of w that are multiplied together. */
export const PANEL_ROWS = 8;

/** Columns of w that are multiplied together, when there are several tokens. */
export const BLOCK_COLUMNS = 256;

/** Bytes of the eight partial sums of one result; a panel has PANEL_ROWS of them per token. */
export const SUMS_BYTES = 32;

/** Zeros for the partial sums of one panel. */
export function clearSums(sums: usize, nT: i32): void {
  memory.fill(sums, 0, <usize>nT * PANEL_ROWS * SUMS_BYTES);
}

/** Adds what one block of w gives to the partial sums, [T, PANEL_ROWS] of them. */
export function addBlock(
  sums: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  nT: i32,
  columns: i32,
  rows: i32,
): void {
  let t = 0;
  for (; t + 2 <= nT; t += 2) {
    let wRow = w;
    let sum = sums;
    let r = 0;
    for (; r + 2 <= rows; r += 2) {
      tile2x2(sum, x, xStride, wRow, wStride, columns);
      wRow += wStride << 1;
      sum += SUMS_BYTES << 1;
    }
    if (r < rows) {
      tile1x1(sum, x, wRow, columns);
      tile1x1(sum + PANEL_ROWS * SUMS_BYTES, x + xStride, wRow, columns);
    }
    x += xStride << 1;
    sums += (PANEL_ROWS * SUMS_BYTES) << 1;
  }
  if (t < nT) {
    for (let r = 0; r < rows; r++) {
      tile1x1(sums + r * SUMS_BYTES, x, w + <usize>r * wStride, columns);
    }
  }
}

/** Makes results of the partial sums of one panel. */
export function joinSums(y: usize, yStride: usize, sums: usize, nT: i32, rows: i32): void {
  for (let t = 0; t < nT; t++) {
    for (let r = 0; r < rows; r++) {
      const sum = sums + (t * PANEL_ROWS + r) * SUMS_BYTES;
      store<f32>(y + ((<usize>r) << 2), joinInOrder(v128.load(sum), v128.load(sum, 16)));
    }
    y += yStride;
  }
}

/** Two tokens, two rows: each load is used twice. */
function tile2x2(
  sum: usize,
  x0: usize,
  xStride: usize,
  w0: usize,
  wStride: usize,
  columns: i32,
): void {
  const sumBelow = sum + PANEL_ROWS * SUMS_BYTES;
  let x1 = x0 + xStride;
  let w1 = w0 + wStride;
  let a00 = v128.load(sum);
  let b00 = v128.load(sum, 16);
  let a01 = v128.load(sum, 32);
  let b01 = v128.load(sum, 48);
  let a10 = v128.load(sumBelow);
  let b10 = v128.load(sumBelow, 16);
  let a11 = v128.load(sumBelow, 32);
  let b11 = v128.load(sumBelow, 48);
  const end = x0 + ((<usize>columns) << 2);
  while (x0 < end) {
    const ua = v128.load(w0);
    const va = v128.load(w1);
    const pa = v128.load(x0);
    const qa = v128.load(x1);
    a00 = f32x4.add(a00, f32x4.mul(pa, ua));
    a01 = f32x4.add(a01, f32x4.mul(pa, va));
    a10 = f32x4.add(a10, f32x4.mul(qa, ua));
    a11 = f32x4.add(a11, f32x4.mul(qa, va));
    const ub = v128.load(w0, 16);
    const vb = v128.load(w1, 16);
    const pb = v128.load(x0, 16);
    const qb = v128.load(x1, 16);
    b00 = f32x4.add(b00, f32x4.mul(pb, ub));
    b01 = f32x4.add(b01, f32x4.mul(pb, vb));
    b10 = f32x4.add(b10, f32x4.mul(qb, ub));
    b11 = f32x4.add(b11, f32x4.mul(qb, vb));
    x0 += 32;
    x1 += 32;
    w0 += 32;
    w1 += 32;
  }
  v128.store(sum, a00);
  v128.store(sum, b00, 16);
  v128.store(sum, a01, 32);
  v128.store(sum, b01, 48);
  v128.store(sumBelow, a10);
  v128.store(sumBelow, b10, 16);
  v128.store(sumBelow, a11, 32);
  v128.store(sumBelow, b11, 48);
}

function tile1x1(sum: usize, x: usize, w: usize, columns: i32): void {
  let a = v128.load(sum);
  let b = v128.load(sum, 16);
  const end = x + ((<usize>columns) << 2);
  while (x < end) {
    a = f32x4.add(a, f32x4.mul(v128.load(x), v128.load(w)));
    b = f32x4.add(b, f32x4.mul(v128.load(x, 16), v128.load(w, 16)));
    x += 32;
    w += 32;
  }
  v128.store(sum, a);
  v128.store(sum, b, 16);
}

/**
 * One token against nO rows of f32: row o of each quarter together.
 *
 * So memory is read at four places that go on from row to row. Four rows that are neighbours would be
 * four short pieces, and a processor that reads ahead starts anew with each piece.
 */
export function rowsF32(y: usize, x: usize, w: usize, wStride: usize, nI: i32, nO: i32): void {
  const quarter = nO >> 2;
  for (let o = 0; o < quarter; o++) {
    rows4(y, <usize>quarter << 2, x, w, <usize>quarter * wStride, nI);
    w += wStride;
    y += 4;
  }
  w += <usize>(3 * quarter) * wStride;
  y += <usize>(3 * quarter) << 2;
  for (let o = quarter << 2; o < nO; o++) {
    row1(y, x, w, nI);
    w += wStride;
    y += 4;
  }
}

/** Sixteen columns at a time: what a loop costs by itself is as much as a quarter of the products. */
function rows4(y: usize, yApart: usize, x: usize, w0: usize, wApart: usize, nI: i32): void {
  let w1 = w0 + wApart;
  let w2 = w1 + wApart;
  let w3 = w2 + wApart;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  const end = x + ((<usize>nI) << 2);
  while (x < end) {
    const xa = v128.load(x);
    const xb = v128.load(x, 16);
    a0 = f32x4.add(a0, f32x4.mul(xa, v128.load(w0)));
    b0 = f32x4.add(b0, f32x4.mul(xb, v128.load(w0, 16)));
    a1 = f32x4.add(a1, f32x4.mul(xa, v128.load(w1)));
    b1 = f32x4.add(b1, f32x4.mul(xb, v128.load(w1, 16)));
    a2 = f32x4.add(a2, f32x4.mul(xa, v128.load(w2)));
    b2 = f32x4.add(b2, f32x4.mul(xb, v128.load(w2, 16)));
    a3 = f32x4.add(a3, f32x4.mul(xa, v128.load(w3)));
    b3 = f32x4.add(b3, f32x4.mul(xb, v128.load(w3, 16)));
    const xc = v128.load(x, 32);
    const xd = v128.load(x, 48);
    a0 = f32x4.add(a0, f32x4.mul(xc, v128.load(w0, 32)));
    b0 = f32x4.add(b0, f32x4.mul(xd, v128.load(w0, 48)));
    a1 = f32x4.add(a1, f32x4.mul(xc, v128.load(w1, 32)));
    b1 = f32x4.add(b1, f32x4.mul(xd, v128.load(w1, 48)));
    a2 = f32x4.add(a2, f32x4.mul(xc, v128.load(w2, 32)));
    b2 = f32x4.add(b2, f32x4.mul(xd, v128.load(w2, 48)));
    a3 = f32x4.add(a3, f32x4.mul(xc, v128.load(w3, 32)));
    b3 = f32x4.add(b3, f32x4.mul(xd, v128.load(w3, 48)));
    x += 64;
    w0 += 64;
    w1 += 64;
    w2 += 64;
    w3 += 64;
  }
  store<f32>(y, joinInOrder(a0, b0));
  store<f32>(y + yApart, joinInOrder(a1, b1));
  store<f32>(y + 2 * yApart, joinInOrder(a2, b2));
  store<f32>(y + 3 * yApart, joinInOrder(a3, b3));
}

function row1(y: usize, x: usize, w: usize, nI: i32): void {
  let a = f32x4.splat(0);
  let b = a;
  const end = x + ((<usize>nI) << 2);
  while (x < end) {
    a = f32x4.add(a, f32x4.mul(v128.load(x), v128.load(w)));
    b = f32x4.add(b, f32x4.mul(v128.load(x, 16), v128.load(w, 16)));
    x += 32;
    w += 32;
  }
  store<f32>(y, joinInOrder(a, b));
}
