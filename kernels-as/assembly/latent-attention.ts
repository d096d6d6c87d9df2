// latent-attention: y[h] = Σ_s softmax_s(scale · (qLatent[h]·latent[s] + qPe[h]·kPe[s])) · latent[s]
//
// Specification: engine/ops/reference/latent-attention.ts
// Difference:    dot products as in linear.ts, exp4 of exp.ts, the denominator in f64; the sum
//                over rows in f32: 64 rows in ascending order, then the sum of those sums.
// Requires:      nC % 16 == 0, nR % 16 == 0, nRows > 0; rows of y and of q that lie one after the other;
//                scratch of latentAttentionScratchBytes. A call serves neighbouring queries, or some heads
//                of one.
//
// The chosen rows lie anywhere; `rows` holds nK addresses for each query, of which the first nRows[t] count.
// They are gathered in blocks of 64 and widened to f32. The L2 cache holds a block while all heads meet
// it. This happens twice: once for the scores, and once more for the sum. A row has nLatent and nRope
// numbers, and is filled up with zeros to nC and nR.
//
// While all rows are chosen, neighbouring queries have the same blocks, and each block is gathered once for
// all of them. Later queries come first, since an earlier one may see fewer rows of the last block.
import { promoteHigh, sumLanes } from "./doubles";
import { exp4 } from "./exp";
import { f32ScratchBytes, linearF32 } from "./linear";
import { gatherStored } from "./stored-rows";

const BLOCK_ROWS = 64;
const BLOCK_BYTES: usize = 64 << 2;

/**
 * Bytes left free between the rows of a block. Without them the rows of GLM-5.2 would begin 2048 bytes
 * apart, and a block would compete for two sets of the L1 cache.
 */
const GAP: usize = 64;

/** At most so many queries, and bytes of their scores, are in work together. */
const MOST_QUERIES = 8;
const SCORES_TOGETHER: usize = 1 << 18;

/** Bytes of one head's scores: whole blocks. */
function scoreStride(nRows: i32): usize {
  return <usize>((nRows + BLOCK_ROWS - 1) / BLOCK_ROWS) * BLOCK_BYTES;
}

/** Bytes of the scores of all heads of a query. */
function scoresBytes(nK: i32, nH: i32): usize {
  return <usize>nH * scoreStride(nK);
}

/** How many queries a call should serve: few enough that their scores stay in the cache. */
export function latentAttentionQueries(nK: i32, nH: i32): i32 {
  return max(1, min(MOST_QUERIES, <i32>(SCORES_TOGETHER / scoresBytes(nK, nH))));
}

export function latentAttentionScratchBytes(nT: i32, nK: i32, nH: i32, nC: i32, nR: i32): usize {
  const blocks = <usize>(nC + nR) * BLOCK_BYTES + <usize>BLOCK_ROWS * GAP;
  const scores = <usize>nT * scoresBytes(nK, nH) + <usize>nH * BLOCK_BYTES;
  return blocks + scores + f32ScratchBytes(nH, max(nC, nR));
}

export function latentAttention(
  y: usize,
  qLatent: usize,
  qPe: usize,
  rows: usize,
  nK: i32,
  nRows: usize,
  nT: i32,
  latentEncoding: i32,
  nLatent: i32,
  kPeAt: usize,
  kPeEncoding: i32,
  nRope: i32,
  nH: i32,
  nC: i32,
  nR: i32,
  scale: f32,
  scratch: usize,
): void {
  const stride = scoreStride(nK);
  const latentBlock = scratch;
  const scores = latentBlock + <usize>nC * BLOCK_BYTES + <usize>BLOCK_ROWS * GAP;
  const kPeBlock = scores + <usize>nT * scoresBytes(nK, nH);
  const latentBytes = (<usize>nC) << 2;
  const peBytes = (<usize>nR) << 2;
  const yBytes = <usize>nH * latentBytes;
  for (let k = 0; k < nK; k += BLOCK_ROWS) {
    let gathered: usize = 0;
    let nGathered = 0;
    for (let t = nT - 1; t >= 0; t--) {
      const n = rowsOfBlock(nRows, t, k);
      if (n <= 0) continue;
      const list = rows + ((<usize>t * <usize>nK + <usize>k) << 2);
      if (n > nGathered || !areEqual(list, gathered, n)) {
        gatherStored(latentBlock, latentBytes + GAP, latentBytes, list, 0, latentEncoding, nLatent, n);
        gatherStored(kPeBlock, peBytes, peBytes, list, kPeAt, kPeEncoding, nRope, n);
        gathered = list;
        nGathered = n;
      }
      const to = scores + <usize>t * scoresBytes(nK, nH) + ((<usize>k) << 2);
      const q = qLatent + <usize>t * yBytes;
      const pe = qPe + <usize>t * <usize>nH * peBytes;
      scoreBlock(to, stride, q, pe, n, nH, nC, nR, scale, latentBlock, kPeBlock);
    }
  }

  const totals = kPeBlock;
  for (let th = 0; th < nT * nH; th++) {
    const n = load<i32>(nRows + ((<usize>(th / nH)) << 2));
    const total = softmaxNumerators(scores + <usize>th * stride, n);
    store<f32>(totals + ((<usize>th) << 2), total);
  }
  memory.fill(y, 0, <usize>nT * yBytes);
  for (let k = 0; k < nK; k += BLOCK_ROWS) {
    let gathered: usize = 0;
    let nGathered = 0;
    for (let t = nT - 1; t >= 0; t--) {
      const n = rowsOfBlock(nRows, t, k);
      if (n <= 0) continue;
      const list = rows + ((<usize>t * <usize>nK + <usize>k) << 2);
      if (n > nGathered || !areEqual(list, gathered, n)) {
        gatherStored(latentBlock, latentBytes + GAP, latentBytes, list, 0, latentEncoding, nLatent, n);
        gathered = list;
        nGathered = n;
      }
      const p = scores + <usize>t * scoresBytes(nK, nH) + ((<usize>k) << 2);
      addRows(y + <usize>t * yBytes, p, stride, latentBlock, n, nH, nC);
    }
  }
  for (let th = 0; th < nT * nH; th++) {
    const total = f32x4.splat(load<f32>(totals + ((<usize>th) << 2)));
    for (let b: usize = 0; b < latentBytes; b += 16) {
      v128.store(y + b, f32x4.div(v128.load(y + b), total));
    }
    y += latentBytes;
  }
}

/** How many rows query t has in the block that begins with its row k; none if this is not positive. */
function rowsOfBlock(nRows: usize, t: i32, k: i32): i32 {
  return min(BLOCK_ROWS, load<i32>(nRows + ((<usize>t) << 2)) - k);
}

/** Whether two lists begin with the same n addresses. */
function areEqual(a: usize, b: usize, n: i32): bool {
  const end = a + ((<usize>n) << 2);
  while (a < end) {
    if (load<u32>(a) != load<u32>(b)) return false;
    a += 4;
    b += 4;
  }
  return true;
}

/** Scores of `n` rows for every head. Behind the rotary keys is room for their dot products, and scratch. */
function scoreBlock(
  scores: usize,
  stride: usize,
  qLatent: usize,
  qPe: usize,
  n: i32,
  nH: i32,
  nC: i32,
  nR: i32,
  scale: f32,
  latentBlock: usize,
  kPeBlock: usize,
): void {
  const latentBytes = (<usize>nC) << 2;
  const peBytes = (<usize>nR) << 2;
  const peDots = kPeBlock + <usize>nR * BLOCK_BYTES;
  const linearScratch = peDots + <usize>nH * BLOCK_BYTES;
  linearF32(
    scores,
    stride,
    qLatent,
    latentBytes,
    latentBlock,
    latentBytes + GAP,
    nH,
    nC,
    n,
    linearScratch,
  );
  linearF32(peDots, BLOCK_BYTES, qPe, peBytes, kPeBlock, peBytes, nH, nR, n, linearScratch);

  const scales = f32x4.splat(scale);
  for (let h = 0; h < nH; h++) {
    const row = scores + <usize>h * stride;
    const peRow = peDots + <usize>h * BLOCK_BYTES;
    for (let b: usize = 0; b < BLOCK_BYTES; b += 16) {
      const dot = f32x4.add(v128.load(row + b), v128.load(peRow + b));
      v128.store(row + b, f32x4.mul(dot, scales));
    }
    // Places without a row: e^−Infinity is 0 and adds nothing.
    for (let k = n; k < BLOCK_ROWS; k++) store<f32>(row + ((<usize>k) << 2), -Infinity);
  }
}

/** z[k] becomes e^(z[k] − max z), in place. Returns their sum, rounded once. */
function softmaxNumerators(z: usize, nRows: i32): f32 {
  const end = z + scoreStride(nRows);
  let m = f32x4.splat(-Infinity);
  for (let p = z; p < end; p += 16) m = f32x4.max(m, v128.load(p));
  // The largest of four lanes, in every lane.
  m = f32x4.max(m, v128.shuffle<i32>(m, m, 1, 0, 3, 2));
  m = f32x4.max(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1));
  let total = f64x2.splat(0);
  for (let p = z; p < end; p += 16) {
    const e = exp4(f32x4.sub(v128.load(p), m));
    v128.store(p, e);
    total = f64x2.add(total, f64x2.add(f64x2.promote_low_f32x4(e), promoteHigh(e)));
  }
  return <f32>sumLanes(total);
}

/** y[h] += Σ_k p[h,k] · rows[k], eight numbers of four heads at a time. */
function addRows(y: usize, p: usize, stride: usize, rows: usize, n: i32, nH: i32, nC: i32): void {
  const headBytes = (<usize>nC) << 2;
  let h = 0;
  for (; h + 4 <= nH; h += 4) {
    for (let b: usize = 0; b < headBytes; b += 32) addRows4(y + b, headBytes, p, stride, rows + b, n);
    y += headBytes << 2;
    p += stride << 2;
  }
  for (; h < nH; h++) {
    for (let b: usize = 0; b < headBytes; b += 32) addRows1(y + b, p, rows + b, headBytes + GAP, n);
    y += headBytes;
    p += stride;
  }
}

function addRows4(y: usize, headBytes: usize, p0: usize, stride: usize, row: usize, n: i32): void {
  const rowBytes = headBytes + GAP;
  let p1 = p0 + stride;
  let p2 = p1 + stride;
  let p3 = p2 + stride;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  const end = p0 + ((<usize>n) << 2);
  while (p0 < end) {
    const a = v128.load(row);
    const b = v128.load(row, 16);
    const w0 = v128.load32_splat(p0);
    a0 = f32x4.add(a0, f32x4.mul(w0, a));
    b0 = f32x4.add(b0, f32x4.mul(w0, b));
    const w1 = v128.load32_splat(p1);
    a1 = f32x4.add(a1, f32x4.mul(w1, a));
    b1 = f32x4.add(b1, f32x4.mul(w1, b));
    const w2 = v128.load32_splat(p2);
    a2 = f32x4.add(a2, f32x4.mul(w2, a));
    b2 = f32x4.add(b2, f32x4.mul(w2, b));
    const w3 = v128.load32_splat(p3);
    a3 = f32x4.add(a3, f32x4.mul(w3, a));
    b3 = f32x4.add(b3, f32x4.mul(w3, b));
    p0 += 4;
    p1 += 4;
    p2 += 4;
    p3 += 4;
    row += rowBytes;
  }
  addPair(y, a0, b0);
  addPair(y + headBytes, a1, b1);
  addPair(y + (headBytes << 1), a2, b2);
  addPair(y + headBytes * 3, a3, b3);
}

function addRows1(y: usize, p: usize, row: usize, rowBytes: usize, n: i32): void {
  let a = f32x4.splat(0);
  let b = a;
  const end = p + ((<usize>n) << 2);
  while (p < end) {
    const w = v128.load32_splat(p);
    a = f32x4.add(a, f32x4.mul(w, v128.load(row)));
    b = f32x4.add(b, f32x4.mul(w, v128.load(row, 16)));
    p += 4;
    row += rowBytes;
  }
  addPair(y, a, b);
}

/** Adds eight sums to y. V8 makes wide vectors of a pair only if no load stands between its two stores. */
function addPair(y: usize, a: v128, b: v128): void {
  const c = v128.load(y);
  const d = v128.load(y, 16);
  v128.store(y, f32x4.add(c, a));
  v128.store(y, f32x4.add(d, b), 16);
}
