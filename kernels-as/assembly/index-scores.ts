// index-scores: I[t,s] = scale · Σ_j w[t,j] · max(0, q[t,j] · k[s]), −Infinity where s > start + t
//
// Specification: engine/ops/reference/index-scores.ts
// Difference:    dot products as in linear.ts; the sum over heads in f32, in ascending j.
// Requires:      nD % 16 == 0; scores dense [nT, nS]; scratch of indexScoresScratchBytes.
//
// A block of 64 keys stays in the cache while the heads of all queries pass by. Within a block the
// heads are the tokens of linear, the keys its rows; then four keys at a time sum over the heads.
import { linearF32, linearScratchBytes } from "./linear";

const BLOCK_KEYS = 64;
const BLOCK_BYTES: usize = 64 << 2;

export function indexScoresScratchBytes(nH: i32, nD: i32): usize {
  return (<usize>nH + 1) * BLOCK_BYTES + linearScratchBytes(nH, nD);
}

export function indexScores(
  scores: usize,
  q: usize,
  k: usize,
  w: usize,
  nT: i32,
  nS: i32,
  nH: i32,
  nD: i32,
  start: i32,
  scale: f32,
  scratch: usize,
): void {
  const keyBytes = (<usize>nD) << 2;
  const sums = scratch + <usize>nH * BLOCK_BYTES;
  const linearScratch = sums + BLOCK_BYTES;
  for (let s = 0; s < nS; s += BLOCK_KEYS) {
    const nKeys = min(BLOCK_KEYS, nS - s);
    for (let t = 0; t < nT; t++) {
      const seen = max(0, min(nKeys, start + t + 1 - s));
      const row = scores + ((<usize>t * <usize>nS + <usize>s) << 2);
      if (seen > 0) {
        const heads = q + <usize>t * <usize>nH * keyBytes;
        const keys = k + <usize>s * keyBytes;
        linearF32(
          scratch,
          BLOCK_BYTES,
          heads,
          keyBytes,
          keys,
          keyBytes,
          nH,
          nD,
          seen,
          linearScratch,
        );
        sumHeads(sums, scratch, w + ((<usize>t * <usize>nH) << 2), nH, seen, scale);
        memory.copy(row, sums, (<usize>seen) << 2);
      }
      for (let i = seen; i < nKeys; i++) store<f32>(row + ((<usize>i) << 2), -Infinity);
    }
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
