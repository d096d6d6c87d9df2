// linear: y[t,o] = Σ_g d[t,g] · s[o,g] · Σ_{i in g} x[t,i] · (q[o,i] − 8), w in q4 and x in int8
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    the sum inside a group is exact; d · s, its product with that sum and the sum over
//                groups, in ascending order, are f32.
// Requires:      w in panels, x from quantizeRowsQ4, scratch of panelScratchBytes. Panels may be
//                shared out in any way.
import { fourPanelsQ4 } from "./four-panels";
import {
  addGroup,
  dot,
  PANEL,
  PANELS,
  Q4_GROUP_BYTES,
  Q4_MASKS,
  SCALE_BYTES,
  SUM_BYTES,
  scalesHigh,
  scalesLow,
  storeSums,
  TOKENS,
  X_GROUP_BYTES,
  X_QUANT_BYTES,
} from "./panels";

// One mask or one shift takes a pair of columns out of the half words, at bits 0, 4, 8 or 12; only
// the last are moved down, for the sign bit is theirs. quantize-rows.ts evens it out.

/** @param w the first of the panels that hold nO rows; the last of them may have less than eight */
export function linearQ4Int8(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  nT: i32,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  const panelBytes = <usize>nGroups * Q4_GROUP_BYTES;
  let o = 0;
  if (nT == 1) {
    const quarter = nO / (PANELS * PANEL);
    const wApart = <usize>quarter * panelBytes;
    const yApart = <usize>quarter * SUM_BYTES;
    for (let p = 0; p < quarter; p++) {
      fourPanelsQ4(y, yApart, x, w, wApart, panelBytes);
      w += panelBytes;
      y += SUM_BYTES;
    }
    w += <usize>(PANELS - 1) * wApart;
    y += <usize>(PANELS - 1) * yApart;
    o = quarter * PANELS * PANEL;
  }
  for (; o < nO; o += PANEL) {
    const rows = min(PANEL, nO - o);
    let xRow = x;
    let yRow = y;
    let t = 0;
    for (; t + TOKENS <= nT; t += TOKENS) {
      fourTokens(scratch, xRow, xStride, w, panelBytes);
      storeSums(yRow, yStride, scratch, TOKENS, rows);
      xRow += <usize>TOKENS * xStride;
      yRow += <usize>TOKENS * yStride;
    }
    for (; t < nT; t++) {
      oneOfEach(scratch, xRow, w, panelBytes);
      storeSums(yRow, yStride, scratch, 1, rows);
      xRow += xStride;
      yRow += yStride;
    }
    w += panelBytes;
    y += SUM_BYTES;
  }
}

/** One token, one panel. */
function oneOfEach(sums: usize, x: usize, w: usize, panelBytes: usize): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  memory.fill(sums, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let low = v128.load32_splat(x, 68);
    let high = low;
    let at = w + SCALE_BYTES;
    let pair = x;
    const pairsEnd = x + X_QUANT_BYTES;
    while (pair < pairsEnd) {
      const u = v128.load(at);
      const v = v128.load(at, 16);
      const x0 = v128.load32_splat(pair);
      low = dot(low, v128.and(u, mask0), x0);
      high = dot(high, v128.and(v, mask0), x0);
      const x1 = v128.load32_splat(pair, 4);
      low = dot(low, v128.and(u, mask1), x1);
      high = dot(high, v128.and(v, mask1), x1);
      const x2 = v128.load32_splat(pair, 8);
      low = dot(low, v128.and(u, mask2), x2);
      high = dot(high, v128.and(v, mask2), x2);
      const x3 = v128.load32_splat(pair, 12);
      low = dot(low, i16x8.shr_u(u, 12), x3);
      high = dot(high, i16x8.shr_u(v, 12), x3);
      at += 32;
      pair += 16;
    }
    const scales = v128.load(w);
    const factor = v128.load32_splat(x, 64);
    addGroup(sums, low, high, scalesLow(scales), scalesHigh(scales), factor);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Four tokens, one panel. */
function fourTokens(sums: usize, x: usize, xStride: usize, w: usize, panelBytes: usize): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  memory.fill(sums, 0, <usize>TOKENS * SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let a = x;
    let b = a + xStride;
    let c = b + xStride;
    let d = c + xStride;
    let aLow = v128.load32_splat(a, 68);
    let aHigh = aLow;
    let bLow = v128.load32_splat(b, 68);
    let bHigh = bLow;
    let cLow = v128.load32_splat(c, 68);
    let cHigh = cLow;
    let dLow = v128.load32_splat(d, 68);
    let dHigh = dLow;
    let at = w + SCALE_BYTES;
    const pairsEnd = x + X_QUANT_BYTES;
    while (a < pairsEnd) {
      const u = v128.load(at);
      const v = v128.load(at, 16);
      const u0 = v128.and(u, mask0);
      const v0 = v128.and(v, mask0);
      const a0 = v128.load32_splat(a);
      aLow = dot(aLow, u0, a0);
      aHigh = dot(aHigh, v0, a0);
      const b0 = v128.load32_splat(b);
      bLow = dot(bLow, u0, b0);
      bHigh = dot(bHigh, v0, b0);
      const c0 = v128.load32_splat(c);
      cLow = dot(cLow, u0, c0);
      cHigh = dot(cHigh, v0, c0);
      const d0 = v128.load32_splat(d);
      dLow = dot(dLow, u0, d0);
      dHigh = dot(dHigh, v0, d0);
      const u1 = v128.and(u, mask1);
      const v1 = v128.and(v, mask1);
      const a1 = v128.load32_splat(a, 4);
      aLow = dot(aLow, u1, a1);
      aHigh = dot(aHigh, v1, a1);
      const b1 = v128.load32_splat(b, 4);
      bLow = dot(bLow, u1, b1);
      bHigh = dot(bHigh, v1, b1);
      const c1 = v128.load32_splat(c, 4);
      cLow = dot(cLow, u1, c1);
      cHigh = dot(cHigh, v1, c1);
      const d1 = v128.load32_splat(d, 4);
      dLow = dot(dLow, u1, d1);
      dHigh = dot(dHigh, v1, d1);
      const u2 = v128.and(u, mask2);
      const v2 = v128.and(v, mask2);
      const a2 = v128.load32_splat(a, 8);
      aLow = dot(aLow, u2, a2);
      aHigh = dot(aHigh, v2, a2);
      const b2 = v128.load32_splat(b, 8);
      bLow = dot(bLow, u2, b2);
      bHigh = dot(bHigh, v2, b2);
      const c2 = v128.load32_splat(c, 8);
      cLow = dot(cLow, u2, c2);
      cHigh = dot(cHigh, v2, c2);
      const d2 = v128.load32_splat(d, 8);
      dLow = dot(dLow, u2, d2);
      dHigh = dot(dHigh, v2, d2);
      const u3 = i16x8.shr_u(u, 12);
      const v3 = i16x8.shr_u(v, 12);
      const a3 = v128.load32_splat(a, 12);
      aLow = dot(aLow, u3, a3);
      aHigh = dot(aHigh, v3, a3);
      const b3 = v128.load32_splat(b, 12);
      bLow = dot(bLow, u3, b3);
      bHigh = dot(bHigh, v3, b3);
      const c3 = v128.load32_splat(c, 12);
      cLow = dot(cLow, u3, c3);
      cHigh = dot(cHigh, v3, c3);
      const d3 = v128.load32_splat(d, 12);
      dLow = dot(dLow, u3, d3);
      dHigh = dot(dHigh, v3, d3);
      at += 32;
      a += 16;
      b += 16;
      c += 16;
      d += 16;
    }
    const scales = v128.load(w);
    const low = scalesLow(scales);
    const high = scalesHigh(scales);
    const aFactor = v128.load32_splat(x, 64);
    const bFactor = v128.load32_splat(x + xStride, 64);
    const cFactor = v128.load32_splat(x + 2 * xStride, 64);
    const dFactor = v128.load32_splat(x + 3 * xStride, 64);
    addGroup(sums, aLow, aHigh, low, high, aFactor);
    addGroup(sums + 32, bLow, bHigh, low, high, bFactor);
    addGroup(sums + 64, cLow, cHigh, low, high, cFactor);
    addGroup(sums + 96, dLow, dHigh, low, high, dFactor);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}
