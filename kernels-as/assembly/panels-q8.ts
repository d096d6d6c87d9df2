// panels-q8: the inner loops of linear-groups-int8.ts, over panels of q8
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    what linear-groups-int8.ts says.
// Requires:      whole panels, x from quantizeRowsQ8.
import { Q8_GROUP_BYTES, SCALE_BYTES, X_FACTOR, X_GROUP_BYTES, X_QUANT_BYTES } from "./layout";
import { addSums, dot, PANELS, PANEL_SUM_BYTES, scalesHigh, scalesLow, TOKENS, unpackScales } from "./panels";

/** Adds what one group of one panel gives to the eight sums of one token. Inlined: see README.md. */
// @ts-ignore: decorator
@inline
function addGroup(sums: usize, x: usize, w: usize): void {
  let low = i32x4.splat(0);
  let high = low;
  let at = w + SCALE_BYTES;
  const end = x + X_QUANT_BYTES;
  for (let pair = x; pair < end; pair += 8) {
    const x0 = v128.load32_splat(pair);
    low = dot(low, v128.load8x8_s(at), x0);
    high = dot(high, v128.load8x8_s(at, 8), x0);
    const x1 = v128.load32_splat(pair, 4);
    low = dot(low, v128.load8x8_s(at, 16), x1);
    high = dot(high, v128.load8x8_s(at, 24), x1);
    at += 32;
  }
  const scales = v128.load(w);
  const factor = v128.load32_splat(x, X_FACTOR);
  addSums(sums, low, high, scalesLow(scales), scalesHigh(scales), factor);
}

/** One token meets one panel. */
export function onePanelQ8(sums: usize, x: usize, w: usize, panelBytes: usize): void {
  memory.fill(sums, 0, PANEL_SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    addGroup(sums, x, w);
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** One token meets the panels at w, w + wApart, w + 2 wApart and w + 3 wApart, group by group in turn. */
export function fourPanelsQ8(
  y: usize,
  yApart: usize,
  x: usize,
  w: usize,
  wApart: usize,
  panelBytes: usize,
): void {
  for (let p = 0; p < PANELS; p++) memory.fill(y + <usize>p * yApart, 0, PANEL_SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    addGroup(y, x, w);
    addGroup(y + yApart, x, w + wApart);
    addGroup(y + 2 * yApart, x, w + 2 * wApart);
    addGroup(y + 3 * yApart, x, w + 3 * wApart);
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Four tokens meet one panel: a load of the panel is used four times. */
export function fourTokensQ8(sums: usize, x: usize, xStride: usize, w: usize, panelBytes: usize): void {
  memory.fill(sums, 0, <usize>TOKENS * PANEL_SUM_BYTES);
  const panelEnd = w + panelBytes;
  while (w < panelEnd) {
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
    const end = x + X_QUANT_BYTES;
    while (a < end) {
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
    const aFactor = v128.load32_splat(x, X_FACTOR);
    const bFactor = v128.load32_splat(x + xStride, X_FACTOR);
    const cFactor = v128.load32_splat(x + 2 * xStride, X_FACTOR);
    const dFactor = v128.load32_splat(x + 3 * xStride, X_FACTOR);
    addSums(sums, aLow, aHigh, low, high, aFactor);
    addSums(sums + PANEL_SUM_BYTES, bLow, bHigh, low, high, bFactor);
    addSums(sums + 2 * PANEL_SUM_BYTES, cLow, cHigh, low, high, cFactor);
    addSums(sums + 3 * PANEL_SUM_BYTES, dLow, dHigh, low, high, dFactor);
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

/** Some groups of a panel, taken apart as tiles-int8.ts draws it. */
export function unpackQ8(y: usize, w: usize, nGroups: i32): void {
  for (let g = 0; g < nGroups; g++) {
    const end = w + Q8_GROUP_BYTES;
    unpackScales(y, w);
    w += SCALE_BYTES;
    y += PANEL_SUM_BYTES;
    while (w < end) {
      v128.store(y, v128.load8x8_s(w));
      v128.store(y, v128.load8x8_s(w, 8), 16);
      w += 16;
      y += 32;
    }
  }
}
