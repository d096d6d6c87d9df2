// rows: the inner loop of linear for one token, with w in f32.
import { joinInOrder } from "./lanes";

/**
 * One token against nO rows: row o of each quarter of the matrix at the same time.
 *
 * So memory is read in four long streams, each of which goes on from row to row. With four neighbours
 * instead, there would be four short pieces, and the processor would begin to read ahead anew for each.
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

/** Sixteen columns in each turn of the loop, because a turn by itself costs as much as four products. */
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
