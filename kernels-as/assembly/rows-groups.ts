// rows-groups: the inner loops of linear for one token, with w in panels of q8 or q4 and x in f32.
//
// Specification: engine/ops/reference/linear.ts
// Difference:    none to linear.ts: the same bits as with w in f32.
// Requires:      whole panels; scratch for the partial sums of four panels, which linearScratchBytes contains.
//
// Lanes are rows, as in the products with x in int8. Each row has eight partial sums, so a panel has sixteen
// vectors of them: for j = 0 … 7, sum j of rows 0 … 3 and of rows 4 … 7. They stand in memory, and four of
// them at a time, those of two columns of each eight, are in registers while they meet a group.
//
// A pair of columns of four rows are eight half words. As words, once the upper or the lower half is taken
// away, they are the numbers of one column, 2^16 times too large; the scales make up for it. The scale of
// an f16 times a whole number of eight bits is exact in f32, so nothing is rounded before x comes.
import { GROUP, PANEL_ROWS, Q4_GROUP_BYTES, Q8_GROUP_BYTES, SCALE_BYTES } from "./layout";
import { PANEL_SUM_BYTES, PANELS, scalesHigh, scalesLow, storeSums } from "./panels";

/** Bytes of the partial sums of one panel. */
const PARTIAL_BYTES: usize = 8 * PANEL_SUM_BYTES;

/** The upper half of a word; 2^-16. In memory for the reason that exp.ts gives. */
const UPPER_HALF = memory.data<u32>([0xffff0000]);
const TWO_TO_MINUS_16 = memory.data<f32>([1.52587890625e-5]);

/** The last of the numbers of a half word of q4, and by how much each is stored too large. */
const Q4_NUMBER = memory.data<u16>([0x000f]);
const Q4_ZERO = memory.data<u16>([8]);

/** One token against the nO rows of these panels. */
export function rowsQ8(y: usize, x: usize, w: usize, nGroups: i32, nO: i32, scratch: usize): void {
  rowsGroups(y, x, w, Q8_GROUP_BYTES, nGroups, nO, scratch);
}

/** The same for q4. */
export function rowsQ4(y: usize, x: usize, w: usize, nGroups: i32, nO: i32, scratch: usize): void {
  rowsGroups(y, x, w, Q4_GROUP_BYTES, nGroups, nO, scratch);
}

/** One panel of each quarter of the matrix together, for the reason that rowsF32 of rows.ts gives. */
// @ts-ignore: decorator
@inline
function rowsGroups(
  y: usize,
  x: usize,
  w: usize,
  groupBytes: usize,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  const scales = scratch;
  const sums = scratch + PANEL_SUM_BYTES;
  const panelBytes = <usize>nGroups * groupBytes;
  const quarter = nO / (PANELS * PANEL_ROWS);
  const wApart = <usize>quarter * panelBytes;
  const yApart = <usize>quarter * PANEL_SUM_BYTES;
  for (let p = 0; p < quarter; p++) {
    fourPanels(sums, x, w, wApart, groupBytes, nGroups, scales);
    join(y, sums);
    join(y + yApart, sums + PARTIAL_BYTES);
    join(y + 2 * yApart, sums + 2 * PARTIAL_BYTES);
    join(y + 3 * yApart, sums + 3 * PARTIAL_BYTES);
    w += panelBytes;
    y += PANEL_SUM_BYTES;
  }
  w += <usize>(PANELS - 1) * wApart;
  y += <usize>(PANELS - 1) * yApart;
  for (let o = quarter * PANELS * PANEL_ROWS; o < nO; o += PANEL_ROWS) {
    onePanel(sums, x, w, groupBytes, nGroups, scales);
    join(sums, sums);
    storeSums(y, 0, sums, 1, min(PANEL_ROWS, nO - o));
    w += panelBytes;
    y += PANEL_SUM_BYTES;
  }
}

/** The partial sums of the panels at w, w + wApart, w + 2 wApart and w + 3 wApart, group by group in turn. */
// @ts-ignore: decorator
@inline
function fourPanels(
  sums: usize,
  x: usize,
  w: usize,
  wApart: usize,
  groupBytes: usize,
  nGroups: i32,
  scales: usize,
): void {
  memory.fill(sums, 0, <usize>PANELS * PARTIAL_BYTES);
  for (let g = 0; g < nGroups; g++) {
    addGroup(sums, x, w, groupBytes, scales);
    addGroup(sums + PARTIAL_BYTES, x, w + wApart, groupBytes, scales);
    addGroup(sums + 2 * PARTIAL_BYTES, x, w + 2 * wApart, groupBytes, scales);
    addGroup(sums + 3 * PARTIAL_BYTES, x, w + 3 * wApart, groupBytes, scales);
    w += groupBytes;
    x += GROUP << 2;
  }
}

// @ts-ignore: decorator
@inline
function onePanel(
  sums: usize,
  x: usize,
  w: usize,
  groupBytes: usize,
  nGroups: i32,
  scales: usize,
): void {
  memory.fill(sums, 0, PARTIAL_BYTES);
  for (let g = 0; g < nGroups; g++) {
    addGroup(sums, x, w, groupBytes, scales);
    w += groupBytes;
    x += GROUP << 2;
  }
}

/**
 * Adds one group of a panel to its partial sums. The scales go through memory: as variables, V8 would widen
 * them anew for each pair of columns.
 */
// @ts-ignore: decorator
@inline
function addGroup(sums: usize, x: usize, w: usize, groupBytes: usize, scales: usize): void {
  const f16 = v128.load(w);
  const factor = v128.load32_splat(TWO_TO_MINUS_16);
  v128.store(scales, f32x4.mul(scalesLow(f16), factor));
  v128.store(scales, f32x4.mul(scalesHigh(f16), factor), 16);
  w += SCALE_BYTES;
  if (groupBytes == Q8_GROUP_BYTES) {
    for (let pair: usize = 0; pair < 4; pair++) {
      addPairs(sums + (pair << 6), x + (pair << 3), w + (pair << 4), scales, IS_Q8);
    }
  } else {
    addPairs(sums, x, w, scales, 0);
    addPairs(sums + 64, x + 8, w, scales, 4);
    addPairs(sums + 128, x + 16, w, scales, 8);
    addPairs(sums + 192, x + 24, w, scales, 12);
  }
}

/** In place of a bit: the numbers are those of q8, which have half words of their own. */
const IS_Q8 = -1;

/**
 * Adds one pair of columns of each eight.
 *
 * @param bit where the number begins in a half word of q4, or IS_Q8
 */
// @ts-ignore: decorator
@inline
function addPairs(sums: usize, x: usize, w: usize, scales: usize, bit: i32): void {
  const upper = v128.load32_splat(UPPER_HALF);
  const low = v128.load(scales);
  const high = v128.load(scales, 16);
  let evenLow = v128.load(sums);
  let evenHigh = v128.load(sums, 16);
  let oddLow = v128.load(sums, 32);
  let oddHigh = v128.load(sums, 48);
  const end = x + (GROUP << 2);
  while (x < end) {
    const u = bit == IS_Q8 ? v128.load8x8_s(w) : numbersQ4(v128.load(w), bit);
    const v = bit == IS_Q8 ? v128.load8x8_s(w, 8) : numbersQ4(v128.load(w, 16), bit);
    const even = v128.load32_splat(x);
    const odd = v128.load32_splat(x, 4);
    evenLow = f32x4.add(evenLow, f32x4.mul(even, scaled(i32x4.shl(u, 16), low)));
    evenHigh = f32x4.add(evenHigh, f32x4.mul(even, scaled(i32x4.shl(v, 16), high)));
    oddLow = f32x4.add(oddLow, f32x4.mul(odd, scaled(v128.and(u, upper), low)));
    oddHigh = f32x4.add(oddHigh, f32x4.mul(odd, scaled(v128.and(v, upper), high)));
    x += 32;
    w += bit == IS_Q8 ? 64 : 32;
  }
  v128.store(sums, evenLow);
  v128.store(sums, evenHigh, 16);
  v128.store(sums, oddLow, 32);
  v128.store(sums, oddHigh, 48);
}

/** The numbers that begin at this bit of each half word: 0, 4, 8 or 12. */
// @ts-ignore: decorator
@inline
function numbersQ4(halfWords: v128, bit: i32): v128 {
  const shifted = bit == 0 ? halfWords : i16x8.shr_u(halfWords, bit);
  const numbers = bit == 12 ? shifted : v128.and(shifted, v128.load16_splat(Q4_NUMBER));
  return i16x8.sub(numbers, v128.load16_splat(Q4_ZERO));
}

// @ts-ignore: decorator
@inline
function scaled(whole: v128, scales: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(whole), scales);
}

/** Makes results of the partial sums of one panel, in the order of lanes.ts; y may be sums. */
function join(y: usize, sums: usize): void {
  for (let half: usize = 0; half < 32; half += 16) {
    const at = sums + half;
    const s04 = f32x4.add(v128.load(at), v128.load(at, 128));
    const s26 = f32x4.add(v128.load(at, 64), v128.load(at, 192));
    const s15 = f32x4.add(v128.load(at, 32), v128.load(at, 160));
    const s37 = f32x4.add(v128.load(at, 96), v128.load(at, 224));
    v128.store(y + half, f32x4.add(f32x4.add(s04, s26), f32x4.add(s15, s37)));
  }
}
