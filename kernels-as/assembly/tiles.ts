// tiles: the inner loops of linear for several tokens, with w in f32.
//
// Each result has two accumulators of four lanes of its own; a tile only decides how many results are
// made side by side. Eight accumulators keep the adders busy; with more, V8 would have to move some to
// memory, since it has 15 registers. A tile has one of two shapes:
//
//     2 tokens × 2 rows, with both accumulators of each result: where V8 makes 256-bit instructions of
//                        pairs of instructions
//     2 tokens × 4 rows, first with the first accumulators of all results, then with the second: six
//                        loads for eight products instead of eight, half as fast again where V8 does not
//
// lanes.ts tells how the eight sums become one.
import { joinFour, joinInOrder } from "./lanes";
import { PANEL_ROWS } from "./layout";

/** 1 where V8 makes 256-bit instructions of pairs, else 0. The engine gives it with the memory; it changes no bit. */
export declare const WIDE: i32;

/** Columns of w that are multiplied together, when there are several tokens. */
export const BLOCK_COLUMNS = 256;

/** Bytes of the eight partial sums of one result; a panel has PANEL_ROWS of them per token. */
export const SUMS_BYTES = 32;

/** Bytes of the sums of one token. */
const ROW_OF_SUMS: usize = PANEL_ROWS * SUMS_BYTES;

/** The first block adds to these instead of partial sums. */
const ZEROS = memory.data(4 * SUMS_BYTES);

/**
 * Adds the products with the block of w that begins at column `first` to the partial sums, of which there
 * are [T, PANEL_ROWS]. The first block sets them, and after the last block they become results.
 *
 * @param w the block itself; y and x are those of the whole panel
 */
export function addBlock(
  y: usize,
  yStride: usize,
  sums: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  nT: i32,
  rows: i32,
  first: i32,
  nI: i32,
): void {
  const isFirst = first == 0;
  const isLast = first + BLOCK_COLUMNS >= nI;
  const columns = min(BLOCK_COLUMNS, nI - first);
  x += (<usize>first) << 2;
  const oldBelow: usize = isFirst ? 0 : ROW_OF_SUMS;
  // If this is the only block, no sum is needed later: all tokens use one place, which stays in the L1 cache.
  const next: usize = isFirst && isLast ? 0 : ROW_OF_SUMS;
  let t = 0;
  for (; t + 2 <= nT; t += 2) {
    let wRow = w;
    let sum = sums;
    let r = 0;
    for (; WIDE == 0 && r + 4 <= rows; r += 4) {
      const old = isFirst ? ZEROS : sum;
      tile2x4(sum, old, oldBelow, x, xStride, wRow, wStride, columns);
      tile2x4(sum + 16, old + 16, oldBelow, x + 16, xStride, wRow + 16, wStride, columns);
      wRow += wStride << 2;
      sum += SUMS_BYTES << 2;
    }
    for (; r + 2 <= rows; r += 2) {
      tile2x2(sum, isFirst ? ZEROS : sum, oldBelow, x, xStride, wRow, wStride, columns);
      wRow += wStride << 1;
      sum += SUMS_BYTES << 1;
    }
    if (r < rows) {
      tile1x1(sum, isFirst ? ZEROS : sum, x, wRow, columns);
      const below = sum + ROW_OF_SUMS;
      tile1x1(below, isFirst ? ZEROS : below, x + xStride, wRow, columns);
    }
    if (isLast) {
      joinSums(y, sums, rows);
      joinSums(y + yStride, sums + ROW_OF_SUMS, rows);
    }
    x += xStride << 1;
    y += yStride << 1;
    sums += next << 1;
  }
  if (t < nT) {
    for (let r = 0; r < rows; r++) {
      const sum = sums + r * SUMS_BYTES;
      tile1x1(sum, isFirst ? ZEROS : sum, x, w + <usize>r * wStride, columns);
    }
    if (isLast) joinSums(y, sums, rows);
  }
}

/** Makes results of the partial sums of one token. */
function joinSums(y: usize, sums: usize, rows: i32): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    v128.store(y, joinFour(sums));
    sums += SUMS_BYTES << 2;
    y += 16;
  }
  for (; r < rows; r++) {
    store<f32>(y, joinInOrder(v128.load(sums), v128.load(sums, 16)));
    sums += SUMS_BYTES;
    y += 4;
  }
}

/** Two tokens, four rows, one of the two accumulators: columns 0 … 3 of each eight from x and w on. */
function tile2x4(
  sum: usize,
  old: usize,
  oldBelow: usize,
  x0: usize,
  xStride: usize,
  w0: usize,
  wStride: usize,
  columns: i32,
): void {
  const sumBelow = sum + ROW_OF_SUMS;
  let x1 = x0 + xStride;
  let w1 = w0 + wStride;
  let w2 = w1 + wStride;
  let w3 = w2 + wStride;
  let a0 = v128.load(old);
  let a1 = v128.load(old, 32);
  let a2 = v128.load(old, 64);
  let a3 = v128.load(old, 96);
  let b0 = v128.load(old + oldBelow);
  let b1 = v128.load(old + oldBelow, 32);
  let b2 = v128.load(old + oldBelow, 64);
  let b3 = v128.load(old + oldBelow, 96);
  const end = x0 + ((<usize>columns) << 2);
  while (x0 < end) {
    const p = v128.load(x0);
    const q = v128.load(x1);
    const u0 = v128.load(w0);
    a0 = f32x4.add(a0, f32x4.mul(p, u0));
    b0 = f32x4.add(b0, f32x4.mul(q, u0));
    const u1 = v128.load(w1);
    a1 = f32x4.add(a1, f32x4.mul(p, u1));
    b1 = f32x4.add(b1, f32x4.mul(q, u1));
    const u2 = v128.load(w2);
    a2 = f32x4.add(a2, f32x4.mul(p, u2));
    b2 = f32x4.add(b2, f32x4.mul(q, u2));
    const u3 = v128.load(w3);
    a3 = f32x4.add(a3, f32x4.mul(p, u3));
    b3 = f32x4.add(b3, f32x4.mul(q, u3));
    x0 += 32;
    x1 += 32;
    w0 += 32;
    w1 += 32;
    w2 += 32;
    w3 += 32;
  }
  v128.store(sum, a0);
  v128.store(sum, a1, 32);
  v128.store(sum, a2, 64);
  v128.store(sum, a3, 96);
  v128.store(sumBelow, b0);
  v128.store(sumBelow, b1, 32);
  v128.store(sumBelow, b2, 64);
  v128.store(sumBelow, b3, 96);
}

/** Two tokens, two rows: each load is used twice. */
function tile2x2(
  sum: usize,
  old: usize,
  oldBelow: usize,
  x0: usize,
  xStride: usize,
  w0: usize,
  wStride: usize,
  columns: i32,
): void {
  const sumBelow = sum + ROW_OF_SUMS;
  let x1 = x0 + xStride;
  let w1 = w0 + wStride;
  let a00 = v128.load(old);
  let b00 = v128.load(old, 16);
  let a01 = v128.load(old, 32);
  let b01 = v128.load(old, 48);
  let a10 = v128.load(old + oldBelow);
  let b10 = v128.load(old + oldBelow, 16);
  let a11 = v128.load(old + oldBelow, 32);
  let b11 = v128.load(old + oldBelow, 48);
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

function tile1x1(sum: usize, old: usize, x: usize, w: usize, columns: i32): void {
  let a = v128.load(old);
  let b = v128.load(old, 16);
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
