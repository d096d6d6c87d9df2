// four-panels: one token against four panels together, in q8 and in q4
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    none to linear-q8.ts and linear-q4.ts: the same sums in the same order.
// Requires:      what these require; whole panels at w, w + wApart, w + 2 wApart and w + 3 wApart,
//                whose results go to y, y + yApart and so on.
//
// The other shape of their one token and one panel: more places to read from, nothing for V8 to
// widen. Which is faster depends on the machine; engine/ops/wasm/shape.ts finds out. The panels
// stand far apart for the reason that rowsF32 of tiles.ts gives.
import {
  addGroup,
  dot,
  Q4_GROUP_BYTES,
  Q4_MASKS,
  Q8_GROUP_BYTES,
  SCALE_BYTES,
  SUM_BYTES,
  scalesHigh,
  scalesLow,
  X_GROUP_BYTES,
  X_QUANT_BYTES,
} from "./panels";

export function fourPanelsQ8(
  y: usize,
  yApart: usize,
  x: usize,
  w: usize,
  wApart: usize,
  panelBytes: usize,
): void {
  const y1 = y + yApart;
  const y2 = y1 + yApart;
  const y3 = y2 + yApart;
  memory.fill(y, 0, SUM_BYTES);
  memory.fill(y1, 0, SUM_BYTES);
  memory.fill(y2, 0, SUM_BYTES);
  memory.fill(y3, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let aLow = i32x4.splat(0);
    let aHigh = aLow;
    let bLow = aLow;
    let bHigh = aLow;
    let cLow = aLow;
    let cHigh = aLow;
    let dLow = aLow;
    let dHigh = aLow;
    let a = w + SCALE_BYTES;
    let b = a + wApart;
    let c = b + wApart;
    let d = c + wApart;
    let pair = x;
    const pairsEnd = x + X_QUANT_BYTES;
    while (pair < pairsEnd) {
      const x0 = v128.load32_splat(pair);
      aLow = dot(aLow, v128.load8x8_s(a), x0);
      aHigh = dot(aHigh, v128.load8x8_s(a, 8), x0);
      bLow = dot(bLow, v128.load8x8_s(b), x0);
      bHigh = dot(bHigh, v128.load8x8_s(b, 8), x0);
      cLow = dot(cLow, v128.load8x8_s(c), x0);
      cHigh = dot(cHigh, v128.load8x8_s(c, 8), x0);
      dLow = dot(dLow, v128.load8x8_s(d), x0);
      dHigh = dot(dHigh, v128.load8x8_s(d, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      aLow = dot(aLow, v128.load8x8_s(a, 16), x1);
      aHigh = dot(aHigh, v128.load8x8_s(a, 24), x1);
      bLow = dot(bLow, v128.load8x8_s(b, 16), x1);
      bHigh = dot(bHigh, v128.load8x8_s(b, 24), x1);
      cLow = dot(cLow, v128.load8x8_s(c, 16), x1);
      cHigh = dot(cHigh, v128.load8x8_s(c, 24), x1);
      dLow = dot(dLow, v128.load8x8_s(d, 16), x1);
      dHigh = dot(dHigh, v128.load8x8_s(d, 24), x1);
      a += 32;
      b += 32;
      c += 32;
      d += 32;
      pair += 8;
    }
    const factor = v128.load32_splat(x, 64);
    const aScales = v128.load(w);
    addGroup(y, aLow, aHigh, scalesLow(aScales), scalesHigh(aScales), factor);
    const bScales = v128.load(w + wApart);
    addGroup(y1, bLow, bHigh, scalesLow(bScales), scalesHigh(bScales), factor);
    const cScales = v128.load(w + 2 * wApart);
    addGroup(y2, cLow, cHigh, scalesLow(cScales), scalesHigh(cScales), factor);
    const dScales = v128.load(w + 3 * wApart);
    addGroup(y3, dLow, dHigh, scalesLow(dScales), scalesHigh(dScales), factor);
    w += Q8_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}

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
  const y1 = y + yApart;
  const y2 = y1 + yApart;
  const y3 = y2 + yApart;
  memory.fill(y, 0, SUM_BYTES);
  memory.fill(y1, 0, SUM_BYTES);
  memory.fill(y2, 0, SUM_BYTES);
  memory.fill(y3, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    let aLow = v128.load32_splat(x, 68);
    let aHigh = aLow;
    let bLow = aLow;
    let bHigh = aLow;
    let cLow = aLow;
    let cHigh = aLow;
    let dLow = aLow;
    let dHigh = aLow;
    let a = w + SCALE_BYTES;
    let b = a + wApart;
    let c = b + wApart;
    let d = c + wApart;
    let pair = x;
    const pairsEnd = x + X_QUANT_BYTES;
    while (pair < pairsEnd) {
      const x0 = v128.load32_splat(pair);
      const x1 = v128.load32_splat(pair, 4);
      const x2 = v128.load32_splat(pair, 8);
      const x3 = v128.load32_splat(pair, 12);
      const au = v128.load(a);
      const av = v128.load(a, 16);
      aLow = dot(aLow, v128.and(au, mask0), x0);
      aHigh = dot(aHigh, v128.and(av, mask0), x0);
      aLow = dot(aLow, v128.and(au, mask1), x1);
      aHigh = dot(aHigh, v128.and(av, mask1), x1);
      aLow = dot(aLow, v128.and(au, mask2), x2);
      aHigh = dot(aHigh, v128.and(av, mask2), x2);
      aLow = dot(aLow, i16x8.shr_u(au, 12), x3);
      aHigh = dot(aHigh, i16x8.shr_u(av, 12), x3);
      const bu = v128.load(b);
      const bv = v128.load(b, 16);
      bLow = dot(bLow, v128.and(bu, mask0), x0);
      bHigh = dot(bHigh, v128.and(bv, mask0), x0);
      bLow = dot(bLow, v128.and(bu, mask1), x1);
      bHigh = dot(bHigh, v128.and(bv, mask1), x1);
      bLow = dot(bLow, v128.and(bu, mask2), x2);
      bHigh = dot(bHigh, v128.and(bv, mask2), x2);
      bLow = dot(bLow, i16x8.shr_u(bu, 12), x3);
      bHigh = dot(bHigh, i16x8.shr_u(bv, 12), x3);
      const cu = v128.load(c);
      const cv = v128.load(c, 16);
      cLow = dot(cLow, v128.and(cu, mask0), x0);
      cHigh = dot(cHigh, v128.and(cv, mask0), x0);
      cLow = dot(cLow, v128.and(cu, mask1), x1);
      cHigh = dot(cHigh, v128.and(cv, mask1), x1);
      cLow = dot(cLow, v128.and(cu, mask2), x2);
      cHigh = dot(cHigh, v128.and(cv, mask2), x2);
      cLow = dot(cLow, i16x8.shr_u(cu, 12), x3);
      cHigh = dot(cHigh, i16x8.shr_u(cv, 12), x3);
      const du = v128.load(d);
      const dv = v128.load(d, 16);
      dLow = dot(dLow, v128.and(du, mask0), x0);
      dHigh = dot(dHigh, v128.and(dv, mask0), x0);
      dLow = dot(dLow, v128.and(du, mask1), x1);
      dHigh = dot(dHigh, v128.and(dv, mask1), x1);
      dLow = dot(dLow, v128.and(du, mask2), x2);
      dHigh = dot(dHigh, v128.and(dv, mask2), x2);
      dLow = dot(dLow, i16x8.shr_u(du, 12), x3);
      dHigh = dot(dHigh, i16x8.shr_u(dv, 12), x3);
      a += 32;
      b += 32;
      c += 32;
      d += 32;
      pair += 16;
    }
    const factor = v128.load32_splat(x, 64);
    const aScales = v128.load(w);
    addGroup(y, aLow, aHigh, scalesLow(aScales), scalesHigh(aScales), factor);
    const bScales = v128.load(w + wApart);
    addGroup(y1, bLow, bHigh, scalesLow(bScales), scalesHigh(bScales), factor);
    const cScales = v128.load(w + 2 * wApart);
    addGroup(y2, cLow, cHigh, scalesLow(cScales), scalesHigh(cScales), factor);
    const dScales = v128.load(w + 3 * wApart);
    addGroup(y3, dLow, dHigh, scalesLow(dScales), scalesHigh(dScales), factor);
    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}
