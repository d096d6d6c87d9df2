// index-scores: I[t,s] = scale · Σ_j w[t,j] · max(0, q[t,j] · k[s]), −Infinity where s > start + t
//
// Specification: engine/ops/reference/index-scores.ts
// Difference:    dot products as in linear.ts; the sum over heads in f32, in ascending j.
// Requires:      nC % 16 == 0; scores of a query scoresStride bytes after those of the one before;
//                scratch of indexScoresScratchBytes.
//
// Keys lie in pages, and `blocks` holds the address of each page. The kernel takes up to 64 keys of one
// page, few enough to stay in the cache while the heads of all queries meet them. Keys in f32 that fill
// whole vectors are read where they lie; others are widened first. The dot products are those of linear,
// with the heads as its tokens and the keys as its rows. Then the sum over the heads is made, for four
// keys at a time.
import { ENCODING_F32 } from "./layout";
import { f32ScratchBytes, linearF32 } from "./linear";
import { decodeRow } from "./stored-rows";

const BLOCK_KEYS = 64;
const BLOCK_BYTES: usize = 64 << 2;

export function indexScoresScratchBytes(nH: i32, nC: i32): usize {
  return (<usize>nH + 1 + <usize>nC) * BLOCK_BYTES + f32ScratchBytes(nH, nC);
}

/** Scores of keys `first … end − 1`. Query t sees the keys below `seen + t`. */
export function indexScores(
  scores: usize,
  scoresStride: usize,
  q: usize,
  blocks: usize,
  pageRows: i32,
  offset: usize,
  stride: usize,
  encoding: i32,
  nKey: i32,
  first: i32,
  end: i32,
  w: usize,
  nT: i32,
  nH: i32,
  nC: i32,
  seen: i32,
  scale: f32,
  scratch: usize,
): void {
  const widened = scratch + (<usize>nH + 1) * BLOCK_BYTES;
  const isInPlace = encoding == ENCODING_F32 && nKey == nC;
  const widenedBytes = (<usize>nC) << 2;
  for (let s = first; s < end; ) {
    const page = s / pageRows;
    const row = s - page * pageRows;
    const n = min(min(BLOCK_KEYS, pageRows - row), end - s);
    const block: usize = load<u32>(blocks + ((<usize>page) << 2));
    let keys = block + offset + <usize>row * stride;
    let keyBytes = stride;
    if (isInPlace) touch(keys, <usize>n * stride, scratch);
    else {
      for (let i: usize = 0; i < <usize>n; i++) {
        decodeRow(widened + i * widenedBytes, widenedBytes, keys + i * stride, encoding, nKey);
      }
      keys = widened;
      keyBytes = widenedBytes;
    }
    scoreKeys(scores, scoresStride, q, keys, keyBytes, s, n, w, nT, nH, nC, seen, scale, scratch);
    s += n;
  }
}

/**
 * Brings bytes into the cache before a product reads them. It touches each cache line of 64 bytes once,
 * from two streams, with nothing else between the loads, so that many misses overlap; in a product the
 * loads stand too far apart for that. The result is stored so that the compiler keeps the loads.
 */
function touch(from: usize, bytes: usize, scratch: usize): void {
  const half = (bytes >> 1) & ~255;
  let a: u32 = 0;
  let b: u32 = 0;
  const end = from + half;
  while (from < end) {
    a |= load<u32>(from) | load<u32>(from, 64);
    b |= load<u32>(from + half) | load<u32>(from + half, 64);
    from += 128;
  }
  store<u32>(scratch, a | b);
}

/** Scores of `n` keys in f32, of which the first has position `s`. */
function scoreKeys(
  scores: usize,
  scoresStride: usize,
  q: usize,
  keys: usize,
  stride: usize,
  s: i32,
  n: i32,
  w: usize,
  nT: i32,
  nH: i32,
  nC: i32,
  seen: i32,
  scale: f32,
  scratch: usize,
): void {
  const headBytes = (<usize>nC) << 2;
  const sums = scratch + <usize>nH * BLOCK_BYTES;
  const linearScratch = sums + (<usize>nC + 1) * BLOCK_BYTES;
  for (let t = 0; t < nT; t++) {
    const visible = max(0, min(n, seen + t - s));
    const row = scores + <usize>t * scoresStride + ((<usize>s) << 2);
    if (visible > 0) {
      const heads = q + <usize>t * <usize>nH * headBytes;
      linearF32(
        scratch,
        BLOCK_BYTES,
        heads,
        headBytes,
        keys,
        stride,
        nH,
        nC,
        visible,
        linearScratch,
      );
      sumHeads(sums, scratch, w + ((<usize>t * <usize>nH) << 2), nH, visible, scale);
      memory.copy(row, sums, (<usize>visible) << 2);
    }
    for (let i = visible; i < n; i++) store<f32>(row + ((<usize>i) << 2), -Infinity);
  }
}

/** sums[s] = scale · Σ_j w[j] · max(0, dots[j,s]) for `seen` keys, rounded up to four. */
function sumHeads(sums: usize, dots: usize, w: usize, nH: i32, seen: i32, scale: f32): void {
  const zero = f32x4.splat(0);
  for (let s = 0; s < seen; s += 4) {
    let sum = zero;
    let dot = dots + ((<usize>s) << 2);
    for (let j = 0; j < nH; j++) {
      // pmax(0, NaN) is 0, as in the reference, which asks for dot > 0.
      const relu = f32x4.pmax(zero, v128.load(dot));
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(w + ((<usize>j) << 2)), relu));
      dot += BLOCK_BYTES;
    }
    v128.store(sums + ((<usize>s) << 2), f32x4.mul(sum, f32x4.splat(scale)));
  }
}
