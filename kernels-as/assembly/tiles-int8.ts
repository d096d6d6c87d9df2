// tiles-int8: products with q8 and q4 and x in int8 for many tokens.
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    what linear-groups-int8.ts says.
// Requires:      what linear-groups-int8.ts requires.
//
// Four tokens meet one panel. Each panel meets many tokens and each token many panels, so both are taken
// apart once, and what is read together then lies together. A group of four tokens is
//
//     for p = 0 … 15:   half words 2p, 2p + 1 of token 0, of token 1, …                      16 bytes
//     four factors, of tokens 0 … 3                                                          16 bytes
//     four first sums                                                                        16 bytes
//
// and a group of a panel has its eight scales in f32 and its numbers as half words, in the same order. Those
// of q4 stay at their place in the half word (panels-q4.ts), so one loop does for both formats.
//
// Where V8 makes 256-bit instructions of pairs, a loop over one panel would be busy with loading x, and there
// are registers left. So two panels are met together there.
import {
  GROUP,
  PANEL_ROWS,
  Q4_GROUP_BYTES,
  Q8_GROUP_BYTES,
  X_FACTOR,
  X_FIRST_SUM,
  X_GROUP_BYTES,
  X_QUANT_BYTES,
} from "./layout";
import { addSums, dot, PANEL_SUM_BYTES, storeSums, TOKENS } from "./panels";
import { unpackQ4 } from "./panels-q4";
import { unpackQ8 } from "./panels-q8";
import { WIDE } from "./tiles";

/** From so many tokens on, it pays to take them and the panels apart. */
export const MANY_TOKENS = 16;

/** The tokens that are taken apart together, at most: so many bytes stay in the L2 cache. */
const TOKENS_BYTES: usize = 1 << 19;

/** One group of four tokens; where its factors and first sums stand. */
const TILE_BYTES: usize = <usize>TOKENS * X_GROUP_BYTES;
const FACTORS: usize = <usize>TOKENS * X_FACTOR;
const FIRST_SUMS: usize = <usize>TOKENS * X_FIRST_SUM;

/** One group of a panel, and groups that are taken apart together: those of two panels stay in the L1 cache. */
const GROUP_BYTES: usize = PANEL_SUM_BYTES + PANEL_ROWS * GROUP * 2;
const BLOCK_GROUPS = 16;

/** Bytes from the block of one panel to that of the next, and from its sums to those of the next. */
const APART: usize = <usize>BLOCK_GROUPS * GROUP_BYTES;
const SUMS_APART: usize = <usize>TOKENS * PANEL_SUM_BYTES;

/** How many of nT tokens are taken apart together: a multiple of four. */
export function tokensAtOnce(nT: i32, nGroups: i32): i32 {
  const most = <i32>(TOKENS_BYTES / (<usize>nGroups * X_GROUP_BYTES));
  return min(nT, max(most, MANY_TOKENS)) & -TOKENS;
}

/** Bytes of scratch for products with x in int8. */
export function int8ScratchBytes(nT: i32, nI: i32): usize {
  if (nT < MANY_TOKENS) return SUMS_APART;
  const nGroups = (nI + GROUP - 1) / GROUP;
  const nFours = <usize>(tokensAtOnce(nT, nGroups) / TOKENS);
  return 2 * APART + nFours * (2 * SUMS_APART + <usize>nGroups * TILE_BYTES);
}

/** nT tokens, as many as tokensAtOnce tells, against panels that hold nO rows. */
export function manyTokensQ8(
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
  manyTokens(y, yStride, x, xStride, w, Q8_GROUP_BYTES, nT, nGroups, nO, scratch);
}

/** The same for q4. */
export function manyTokensQ4(
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
  manyTokens(y, yStride, x, xStride, w, Q4_GROUP_BYTES, nT, nGroups, nO, scratch);
}

// @ts-ignore: decorator
@inline
function manyTokens(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  groupBytes: usize,
  nT: i32,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  const nPanels = WIDE ? 2 : 1;
  const panelBytes = <usize>nGroups * groupBytes;
  const nFours = nT / TOKENS;
  const sums = scratch + 2 * APART;
  const tiles = sums + <usize>(2 * nFours) * SUMS_APART;
  packTokens(tiles, x, xStride, nFours, nGroups);
  for (let o = 0; o < nO; o += nPanels * PANEL_ROWS) {
    memory.fill(sums, 0, <usize>(2 * nFours) * SUMS_APART);
    // If there is no second panel, the first stands for it, and its results are not stored.
    const second = nO - o > PANEL_ROWS ? panelBytes : 0;
    for (let g = 0; g < nGroups; g += BLOCK_GROUPS) {
      const n = min(BLOCK_GROUPS, nGroups - g);
      const wBlock = w + <usize>g * groupBytes;
      unpack(scratch, wBlock, groupBytes, n);
      if (WIDE) unpack(scratch + APART, wBlock + second, groupBytes, n);
      let tile = tiles + <usize>g * TILE_BYTES;
      let sum = sums;
      for (let f = 0; f < nFours; f++) {
        if (WIDE) addTwoPanels(sum, tile, scratch, n);
        else addOnePanel(sum, tile, scratch, n);
        tile += <usize>nGroups * TILE_BYTES;
        sum += 2 * SUMS_APART;
      }
    }
    for (let p = 0; p < nPanels; p++) {
      const rows = min(PANEL_ROWS, nO - o - p * PANEL_ROWS);
      let yFour = y + <usize>p * PANEL_SUM_BYTES;
      let sum = sums + <usize>p * SUMS_APART;
      for (let f = 0; f < nFours; f++) {
        storeSums(yFour, yStride, sum, TOKENS, rows);
        yFour += <usize>TOKENS * yStride;
        sum += 2 * SUMS_APART;
      }
    }
    w += <usize>nPanels * panelBytes;
    y += <usize>nPanels * PANEL_SUM_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function unpack(y: usize, w: usize, groupBytes: usize, nGroups: i32): void {
  if (groupBytes == Q8_GROUP_BYTES) unpackQ8(y, w, nGroups);
  else unpackQ4(y, w, nGroups);
}

/** Lays out nFours times four rows of x as drawn above. */
function packTokens(y: usize, x: usize, xStride: usize, nFours: i32, nGroups: i32): void {
  for (let f = 0; f < nFours; f++) {
    const end = x + <usize>nGroups * X_GROUP_BYTES;
    for (let a = x; a < end; a += X_GROUP_BYTES) {
      packGroup(y, a, xStride);
      y += TILE_BYTES;
    }
    x += <usize>TOKENS * xStride;
  }
}

function packGroup(y: usize, a: usize, xStride: usize): void {
  const b = a + xStride;
  const c = b + xStride;
  const d = c + xStride;
  for (let at: usize = 0; at < X_QUANT_BYTES; at += 16) {
    const va = v128.load(a + at);
    const vb = v128.load(b + at);
    const vc = v128.load(c + at);
    const vd = v128.load(d + at);
    const abLow = v128.shuffle<i32>(va, vb, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(va, vb, 2, 6, 3, 7);
    const cdLow = v128.shuffle<i32>(vc, vd, 0, 4, 1, 5);
    const cdHigh = v128.shuffle<i32>(vc, vd, 2, 6, 3, 7);
    v128.store(y, v128.shuffle<i64>(abLow, cdLow, 0, 2));
    v128.store(y, v128.shuffle<i64>(abLow, cdLow, 1, 3), 16);
    v128.store(y, v128.shuffle<i64>(abHigh, cdHigh, 0, 2), 32);
    v128.store(y, v128.shuffle<i64>(abHigh, cdHigh, 1, 3), 48);
    y += 64;
  }
  for (let at = X_QUANT_BYTES; at < X_GROUP_BYTES; at += 4) {
    store<u32>(y, load<u32>(a + at));
    store<u32>(y, load<u32>(b + at), 4);
    store<u32>(y, load<u32>(c + at), 8);
    store<u32>(y, load<u32>(d + at), 12);
    y += 16;
  }
}

/** Adds what nGroups groups of one panel give to the sums of four tokens, [4, PANEL_ROWS]. */
function addOnePanel(sums: usize, x: usize, w: usize, nGroups: i32): void {
  const end = w + <usize>nGroups * GROUP_BYTES;
  while (w < end) {
    let aLow = v128.load32_splat(x, FIRST_SUMS);
    let aHigh = aLow;
    let bLow = v128.load32_splat(x, FIRST_SUMS + 4);
    let bHigh = bLow;
    let cLow = v128.load32_splat(x, FIRST_SUMS + 8);
    let cHigh = cLow;
    let dLow = v128.load32_splat(x, FIRST_SUMS + 12);
    let dHigh = dLow;
    let pair = x;
    let at = w + PANEL_SUM_BYTES;
    const pairsEnd = x + FACTORS;
    while (pair < pairsEnd) {
      const u = v128.load(at);
      const v = v128.load(at, 16);
      const a = v128.load32_splat(pair);
      aLow = dot(aLow, u, a);
      aHigh = dot(aHigh, v, a);
      const b = v128.load32_splat(pair, 4);
      bLow = dot(bLow, u, b);
      bHigh = dot(bHigh, v, b);
      const c = v128.load32_splat(pair, 8);
      cLow = dot(cLow, u, c);
      cHigh = dot(cHigh, v, c);
      const d = v128.load32_splat(pair, 12);
      dLow = dot(dLow, u, d);
      dHigh = dot(dHigh, v, d);
      pair += 16;
      at += 32;
    }
    const low = v128.load(w);
    const high = v128.load(w, 16);
    addSums(sums, aLow, aHigh, low, high, v128.load32_splat(x, FACTORS));
    addSums(sums + 32, bLow, bHigh, low, high, v128.load32_splat(x, FACTORS + 4));
    addSums(sums + 64, cLow, cHigh, low, high, v128.load32_splat(x, FACTORS + 8));
    addSums(sums + 96, dLow, dHigh, low, high, v128.load32_splat(x, FACTORS + 12));
    x += TILE_BYTES;
    w += GROUP_BYTES;
  }
}

/**
 * The same for two panels; their blocks lie APART, their sums SUMS_APART. All sums are read and written at
 * constant distances from one address: V8 sees only then which of them are neighbours.
 */
function addTwoPanels(sums: usize, x: usize, w: usize, nGroups: i32): void {
  const end = w + <usize>nGroups * GROUP_BYTES;
  while (w < end) {
    let a0 = v128.load32_splat(x, FIRST_SUMS);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = v128.load32_splat(x, FIRST_SUMS + 4);
    let b1 = b0;
    let b2 = b0;
    let b3 = b0;
    let c0 = v128.load32_splat(x, FIRST_SUMS + 8);
    let c1 = c0;
    let c2 = c0;
    let c3 = c0;
    let d0 = v128.load32_splat(x, FIRST_SUMS + 12);
    let d1 = d0;
    let d2 = d0;
    let d3 = d0;
    let pair = x;
    let at = w + PANEL_SUM_BYTES;
    const pairsEnd = x + FACTORS;
    while (pair < pairsEnd) {
      const w0 = v128.load(at);
      const w1 = v128.load(at, 16);
      const w2 = v128.load(at, APART);
      const w3 = v128.load(at, APART + 16);
      const a = v128.load32_splat(pair);
      a0 = dot(a0, w0, a);
      a1 = dot(a1, w1, a);
      a2 = dot(a2, w2, a);
      a3 = dot(a3, w3, a);
      const b = v128.load32_splat(pair, 4);
      b0 = dot(b0, w0, b);
      b1 = dot(b1, w1, b);
      b2 = dot(b2, w2, b);
      b3 = dot(b3, w3, b);
      const c = v128.load32_splat(pair, 8);
      c0 = dot(c0, w0, c);
      c1 = dot(c1, w1, c);
      c2 = dot(c2, w2, c);
      c3 = dot(c3, w3, c);
      const d = v128.load32_splat(pair, 12);
      d0 = dot(d0, w0, d);
      d1 = dot(d1, w1, d);
      d2 = dot(d2, w2, d);
      d3 = dot(d3, w3, d);
      pair += 16;
      at += 32;
    }
    const scales0 = v128.load(w);
    const scales1 = v128.load(w, 16);
    const scales2 = v128.load(w, APART);
    const scales3 = v128.load(w, APART + 16);
    const a = v128.load32_splat(x, FACTORS);
    const aOld0 = v128.load(sums);
    const aOld1 = v128.load(sums, 16);
    v128.store(sums, f32x4.add(aOld0, scaled(scales0, a, a0)));
    v128.store(sums, f32x4.add(aOld1, scaled(scales1, a, a1)), 16);
    const aOld2 = v128.load(sums, 128);
    const aOld3 = v128.load(sums, 144);
    v128.store(sums, f32x4.add(aOld2, scaled(scales2, a, a2)), 128);
    v128.store(sums, f32x4.add(aOld3, scaled(scales3, a, a3)), 144);
    const b = v128.load32_splat(x, FACTORS + 4);
    const bOld0 = v128.load(sums, 32);
    const bOld1 = v128.load(sums, 48);
    v128.store(sums, f32x4.add(bOld0, scaled(scales0, b, b0)), 32);
    v128.store(sums, f32x4.add(bOld1, scaled(scales1, b, b1)), 48);
    const bOld2 = v128.load(sums, 160);
    const bOld3 = v128.load(sums, 176);
    v128.store(sums, f32x4.add(bOld2, scaled(scales2, b, b2)), 160);
    v128.store(sums, f32x4.add(bOld3, scaled(scales3, b, b3)), 176);
    const c = v128.load32_splat(x, FACTORS + 8);
    const cOld0 = v128.load(sums, 64);
    const cOld1 = v128.load(sums, 80);
    v128.store(sums, f32x4.add(cOld0, scaled(scales0, c, c0)), 64);
    v128.store(sums, f32x4.add(cOld1, scaled(scales1, c, c1)), 80);
    const cOld2 = v128.load(sums, 192);
    const cOld3 = v128.load(sums, 208);
    v128.store(sums, f32x4.add(cOld2, scaled(scales2, c, c2)), 192);
    v128.store(sums, f32x4.add(cOld3, scaled(scales3, c, c3)), 208);
    const d = v128.load32_splat(x, FACTORS + 12);
    const dOld0 = v128.load(sums, 96);
    const dOld1 = v128.load(sums, 112);
    v128.store(sums, f32x4.add(dOld0, scaled(scales0, d, d0)), 96);
    v128.store(sums, f32x4.add(dOld1, scaled(scales1, d, d1)), 112);
    const dOld2 = v128.load(sums, 224);
    const dOld3 = v128.load(sums, 240);
    v128.store(sums, f32x4.add(dOld2, scaled(scales2, d, d2)), 224);
    v128.store(sums, f32x4.add(dOld3, scaled(scales3, d, d3)), 240);
    x += TILE_BYTES;
    w += GROUP_BYTES;
  }
}

/** scales · factor · dots */
function scaled(scales: v128, factor: v128, dots: v128): v128 {
  return f32x4.mul(f32x4.mul(scales, factor), f32x4.convert_i32x4_s(dots));
}
