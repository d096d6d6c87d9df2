// four-panels: one token against four panels together, in q8 and in q4
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    none to linear-q8.ts and linear-q4.ts: the same sums in the same order.
// Requires:      what these require; whole panels at w, w + wApart, w + 2 wApart and w + 3 wApart,
//                whose results go to y, y + yApart and so on.
//
// The panels stand far apart for the reason that rowsF32 of rows.ts gives, and take turns, group by
// group: a panel by itself is what V8 can widen. They are written out, not a loop, because a processor
// reads ahead for each instruction that loads: one that goes from panel to panel defeats it (a third
// of the speed, on Zen 4).
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
  for (let p: usize = 0; p < 4; p++) memory.fill(y + p * yApart, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    const factor = v128.load32_splat(x, 64);
    const pairsEnd = x + X_QUANT_BYTES;

    let aLow = i32x4.splat(0);
    let aHigh = aLow;
    let a = w + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 8) {
      const x0 = v128.load32_splat(pair);
      aLow = dot(aLow, v128.load8x8_s(a), x0);
      aHigh = dot(aHigh, v128.load8x8_s(a, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      aLow = dot(aLow, v128.load8x8_s(a, 16), x1);
      aHigh = dot(aHigh, v128.load8x8_s(a, 24), x1);
      a += 32;
    }
    const aScales = v128.load(w);
    addGroup(y, aLow, aHigh, scalesLow(aScales), scalesHigh(aScales), factor);

    let bLow = i32x4.splat(0);
    let bHigh = bLow;
    let b = w + wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 8) {
      const x0 = v128.load32_splat(pair);
      bLow = dot(bLow, v128.load8x8_s(b), x0);
      bHigh = dot(bHigh, v128.load8x8_s(b, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      bLow = dot(bLow, v128.load8x8_s(b, 16), x1);
      bHigh = dot(bHigh, v128.load8x8_s(b, 24), x1);
      b += 32;
    }
    const bScales = v128.load(w + wApart);
    addGroup(y + yApart, bLow, bHigh, scalesLow(bScales), scalesHigh(bScales), factor);

    let cLow = i32x4.splat(0);
    let cHigh = cLow;
    let c = w + 2 * wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 8) {
      const x0 = v128.load32_splat(pair);
      cLow = dot(cLow, v128.load8x8_s(c), x0);
      cHigh = dot(cHigh, v128.load8x8_s(c, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      cLow = dot(cLow, v128.load8x8_s(c, 16), x1);
      cHigh = dot(cHigh, v128.load8x8_s(c, 24), x1);
      c += 32;
    }
    const cScales = v128.load(w + 2 * wApart);
    addGroup(y + 2 * yApart, cLow, cHigh, scalesLow(cScales), scalesHigh(cScales), factor);

    let dLow = i32x4.splat(0);
    let dHigh = dLow;
    let d = w + 3 * wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 8) {
      const x0 = v128.load32_splat(pair);
      dLow = dot(dLow, v128.load8x8_s(d), x0);
      dHigh = dot(dHigh, v128.load8x8_s(d, 8), x0);
      const x1 = v128.load32_splat(pair, 4);
      dLow = dot(dLow, v128.load8x8_s(d, 16), x1);
      dHigh = dot(dHigh, v128.load8x8_s(d, 24), x1);
      d += 32;
    }
    const dScales = v128.load(w + 3 * wApart);
    addGroup(y + 3 * yApart, dLow, dHigh, scalesLow(dScales), scalesHigh(dScales), factor);

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
  for (let p: usize = 0; p < 4; p++) memory.fill(y + p * yApart, 0, SUM_BYTES);
  const end = w + panelBytes;
  while (w < end) {
    const factor = v128.load32_splat(x, 64);
    const pairsEnd = x + X_QUANT_BYTES;

    let aLow = v128.load32_splat(x, 68);
    let aHigh = aLow;
    let a = w + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 16) {
      const u = v128.load(a);
      const v = v128.load(a, 16);
      const x0 = v128.load32_splat(pair);
      aLow = dot(aLow, v128.and(u, mask0), x0);
      aHigh = dot(aHigh, v128.and(v, mask0), x0);
      const x1 = v128.load32_splat(pair, 4);
      aLow = dot(aLow, v128.and(u, mask1), x1);
      aHigh = dot(aHigh, v128.and(v, mask1), x1);
      const x2 = v128.load32_splat(pair, 8);
      aLow = dot(aLow, v128.and(u, mask2), x2);
      aHigh = dot(aHigh, v128.and(v, mask2), x2);
      const x3 = v128.load32_splat(pair, 12);
      aLow = dot(aLow, i16x8.shr_u(u, 12), x3);
      aHigh = dot(aHigh, i16x8.shr_u(v, 12), x3);
      a += 32;
    }
    const aScales = v128.load(w);
    addGroup(y, aLow, aHigh, scalesLow(aScales), scalesHigh(aScales), factor);

    let bLow = v128.load32_splat(x, 68);
    let bHigh = bLow;
    let b = w + wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 16) {
      const u = v128.load(b);
      const v = v128.load(b, 16);
      const x0 = v128.load32_splat(pair);
      bLow = dot(bLow, v128.and(u, mask0), x0);
      bHigh = dot(bHigh, v128.and(v, mask0), x0);
      const x1 = v128.load32_splat(pair, 4);
      bLow = dot(bLow, v128.and(u, mask1), x1);
      bHigh = dot(bHigh, v128.and(v, mask1), x1);
      const x2 = v128.load32_splat(pair, 8);
      bLow = dot(bLow, v128.and(u, mask2), x2);
      bHigh = dot(bHigh, v128.and(v, mask2), x2);
      const x3 = v128.load32_splat(pair, 12);
      bLow = dot(bLow, i16x8.shr_u(u, 12), x3);
      bHigh = dot(bHigh, i16x8.shr_u(v, 12), x3);
      b += 32;
    }
    const bScales = v128.load(w + wApart);
    addGroup(y + yApart, bLow, bHigh, scalesLow(bScales), scalesHigh(bScales), factor);

    let cLow = v128.load32_splat(x, 68);
    let cHigh = cLow;
    let c = w + 2 * wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 16) {
      const u = v128.load(c);
      const v = v128.load(c, 16);
      const x0 = v128.load32_splat(pair);
      cLow = dot(cLow, v128.and(u, mask0), x0);
      cHigh = dot(cHigh, v128.and(v, mask0), x0);
      const x1 = v128.load32_splat(pair, 4);
      cLow = dot(cLow, v128.and(u, mask1), x1);
      cHigh = dot(cHigh, v128.and(v, mask1), x1);
      const x2 = v128.load32_splat(pair, 8);
      cLow = dot(cLow, v128.and(u, mask2), x2);
      cHigh = dot(cHigh, v128.and(v, mask2), x2);
      const x3 = v128.load32_splat(pair, 12);
      cLow = dot(cLow, i16x8.shr_u(u, 12), x3);
      cHigh = dot(cHigh, i16x8.shr_u(v, 12), x3);
      c += 32;
    }
    const cScales = v128.load(w + 2 * wApart);
    addGroup(y + 2 * yApart, cLow, cHigh, scalesLow(cScales), scalesHigh(cScales), factor);

    let dLow = v128.load32_splat(x, 68);
    let dHigh = dLow;
    let d = w + 3 * wApart + SCALE_BYTES;
    for (let pair = x; pair < pairsEnd; pair += 16) {
      const u = v128.load(d);
      const v = v128.load(d, 16);
      const x0 = v128.load32_splat(pair);
      dLow = dot(dLow, v128.and(u, mask0), x0);
      dHigh = dot(dHigh, v128.and(v, mask0), x0);
      const x1 = v128.load32_splat(pair, 4);
      dLow = dot(dLow, v128.and(u, mask1), x1);
      dHigh = dot(dHigh, v128.and(v, mask1), x1);
      const x2 = v128.load32_splat(pair, 8);
      dLow = dot(dLow, v128.and(u, mask2), x2);
      dHigh = dot(dHigh, v128.and(v, mask2), x2);
      const x3 = v128.load32_splat(pair, 12);
      dLow = dot(dLow, i16x8.shr_u(u, 12), x3);
      dHigh = dot(dHigh, i16x8.shr_u(v, 12), x3);
      d += 32;
    }
    const dScales = v128.load(w + 3 * wApart);
    addGroup(y + 3 * yApart, dLow, dHigh, scalesLow(dScales), scalesHigh(dScales), factor);

    w += Q4_GROUP_BYTES;
    x += X_GROUP_BYTES;
  }
}
