// linear: y[t,o] = Σ_g d[t,g] · s[o,g] · Σ_{i in g} x[t,i] · q[o,i], w in q8 and x in int8
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    the sum inside a group is exact; d · s, its product with that sum and the sum over
//                groups, in ascending order, are f32.
// Requires:      w in panels, x from quantizeRowsQ8, scratch of panelScratchBytes. Panels may be
//                shared out in any way.
import { fourPanelsQ8 } from "./four-panels";
import {
  addGroup,
  dot,
  PANEL,
  PANELS,
  Q8_GROUP_BYTES,
  SCALE_BYTES,
  SUM_BYTES,
  scalesHigh,
  scalesLow,
  storeSums,
  TOKENS,
  X_GROUP_BYTES,
  X_QUANT_BYTES,
} from "./panels";

/** @param w the first of the panels that hold nO rows; the last of them may have less than eight */
export function linearQ8Int8(
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
  const panelBytes = <usize>nGroups * Q8_GROUP_BYTES;
  let o = 0;
  if (nT == 1) {
    const quarter = nO / (PANELS * PANEL);
    const wApart = <usize>quarter * panelBytes;
    const yApart = <usize>quarter * SUM_BYTES;
    for (let p = 0; p < quarter; p++) {
      fourPanelsQ8(y, yApart, x, w, wApart, panelBytes);
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
  memory.fill(sums, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let low = i32x4.splat(0);
    let high = low;
    let at = w + SCALE_BYTES;
    let pair = x;
    const pairsEnd = x + X_QUANT_BYTES;
    while (pair < pairsEnd) {
      const x0 = v128.load32_splat(pair);
      low = dot(low, v128.load8x8_s(at), x0);
      high = dot(high, v128.load8x8_s(at, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      low = dot(low, v128.load8x8_s(at, 16), x1);
      high = dot(high, v128.load8x8_s(at, 24), x1);
      at += 32;
      pair += 8;
    }
    const scales = v128.load(w);
    const factor = v128.load32_splat(x, 64);
    addGroup(sums, low, high, scalesLow(scales), scalesHigh(scales), factor);
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Four tokens, one panel. */
function fourTokens(sums: usize, x: usize, xStride: usize, w: usize, panelBytes: usize): void {
  memory.fill(sums, 0, <usize>TOKENS * SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let a = x;
    let b = a + xStride;
    let c = b + xStride;
    let d = c + xStride;
    let aLow = i32x4.splat(0);
    let aHigh = aLow;
    let bLow = aLow;
    let bHigh = aLow;
    let cLow = aLow;
    let cHigh = aLow;
    let dLow = aLow;
    let dHigh = aLow;
    let at = w + SCALE_BYTES;
    const pairsEnd = x + X_QUANT_BYTES;
    while (a < pairsEnd) {
      const u0 = v128.load8x8_s(at);
      const v0 = v128.load8x8_s(at, 8);
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
      const u1 = v128.load8x8_s(at, 16);
      const v1 = v128.load8x8_s(at, 24);
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
      at += 32;
      a += 8;
      b += 8;
      c += 8;
      d += 8;
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
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}
