// panels-q4: the inner loops of linear-groups-int8.ts, over panels of q4
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    what linear-groups-int8.ts says.
// Requires:      whole panels, x from quantizeRowsQ4.
//
// A half word holds four numbers. One mask takes a pair of columns out of eight half words, at bits 0,
// 4 or 8, where it is 1, 16 or 256 times too large; the last pair is shifted down from bit 12, because
// the sign bit is there. quantize-rows.ts tells how x makes up for this.
import { Q4_GROUP_BYTES, SCALE_BYTES, X_FACTOR, X_FIRST_SUM, X_GROUP_BYTES, X_QUANT_BYTES } from "./layout";
import { addSums, dot, PANELS, Q4_MASKS, PANEL_SUM_BYTES, scalesHigh, scalesLow, TOKENS, unpackScales } from "./panels";

/** Adds what one group of one panel gives to the eight sums of one token. Inlined: see README.md. */
// @ts-ignore: decorator
@inline
function addGroup(sums: usize, x: usize, w: usize, mask0: v128, mask1: v128, mask2: v128): void {
  let low = v128.load32_splat(x, X_FIRST_SUM);
  let high = low;
  let at = w + SCALE_BYTES;
  const end = x + X_QUANT_BYTES;
  for (let pair = x; pair < end; pair += 16) {
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
  }
  const scales = v128.load(w);
  const factor = v128.load32_splat(x, X_FACTOR);
  addSums(sums, low, high, scalesLow(scales), scalesHigh(scales), factor);
}

/** One token meets one panel. */
export function onePanelQ4(sums: usize, x: usize, w: usize, panelBytes: usize): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  memory.fill(sums, 0, PANEL_SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    addGroup(sums, x, w, mask0, mask1, mask2);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** One token meets the panels at w, w + wApart, w + 2 wApart and w + 3 wApart, group by group in turn. */
export function fourPanelsQ4(
  y: usize,
  yApart: usize,
  x: usize,
  w: usize,
  wApart: usize,
  panelBytes: usize,
): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  for (let p = 0; p < PANELS; p++) memory.fill(y + <usize>p * yApart, 0, PANEL_SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    addGroup(y, x, w, mask0, mask1, mask2);
    addGroup(y + yApart, x, w + wApart, mask0, mask1, mask2);
    addGroup(y + 2 * yApart, x, w + 2 * wApart, mask0, mask1, mask2);
    addGroup(y + 3 * yApart, x, w + 3 * wApart, mask0, mask1, mask2);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Four tokens meet one panel: a load of the panel is used four times. */
export function fourTokensQ4(sums: usize, x: usize, xStride: usize, w: usize, panelBytes: usize): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  memory.fill(sums, 0, <usize>TOKENS * PANEL_SUM_BYTES);
  const panelEnd = w + panelBytes;
  while (w < panelEnd) {
    let a = x;
    let b = a + xStride;
    let c = b + xStride;
    let d = c + xStride;
    let aLow = v128.load32_splat(a, X_FIRST_SUM);
    let aHigh = aLow;
    let bLow = v128.load32_splat(b, X_FIRST_SUM);
    let bHigh = bLow;
    let cLow = v128.load32_splat(c, X_FIRST_SUM);
    let cHigh = cLow;
    let dLow = v128.load32_splat(d, X_FIRST_SUM);
    let dHigh = dLow;
    let at = w + SCALE_BYTES;
    const end = x + X_QUANT_BYTES;
    while (a < end) {
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
    const aFactor = v128.load32_splat(x, X_FACTOR);
    const bFactor = v128.load32_splat(x + xStride, X_FACTOR);
    const cFactor = v128.load32_splat(x + 2 * xStride, X_FACTOR);
    const dFactor = v128.load32_splat(x + 3 * xStride, X_FACTOR);
    addSums(sums, aLow, aHigh, low, high, aFactor);
    addSums(sums + PANEL_SUM_BYTES, bLow, bHigh, low, high, bFactor);
    addSums(sums + 2 * PANEL_SUM_BYTES, cLow, cHigh, low, high, cFactor);
    addSums(sums + 3 * PANEL_SUM_BYTES, dLow, dHigh, low, high, dFactor);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Some groups of a panel, taken apart as tiles-int8.ts draws it. */
export function unpackQ4(y: usize, w: usize, nGroups: i32): void {
  const mask0 = v128.load16_splat(Q4_MASKS);
  const mask1 = v128.load16_splat(Q4_MASKS, 2);
  const mask2 = v128.load16_splat(Q4_MASKS, 4);
  for (let g = 0; g < nGroups; g++) {
    const end = w + Q4_GROUP_BYTES;
    unpackScales(y, w);
    w += SCALE_BYTES;
    y += PANEL_SUM_BYTES;
    while (w < end) {
      const u = v128.load(w);
      const v = v128.load(w, 16);
      v128.store(y, v128.and(u, mask0));
      v128.store(y, v128.and(v, mask0), 16);
      v128.store(y, v128.and(u, mask1), 32);
      v128.store(y, v128.and(v, mask1), 48);
      v128.store(y, v128.and(u, mask2), 64);
      v128.store(y, v128.and(v, mask2), 80);
      v128.store(y, i16x8.shr_u(u, 12), 96);
      v128.store(y, i16x8.shr_u(v, 12), 112);
      w += 32;
      y += 128;
    }
  }
}
