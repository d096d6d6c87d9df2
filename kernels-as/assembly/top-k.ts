// top-k: the k largest scores of a row, as ascending positions; ties go to the smaller position
//
// Specification: engine/ops/reference/top-k.ts
// Difference:    none.
// Requires:      scratch of topKScratchBytes; k <= nS; room at out for k positions of each row.
//
// The kernel goes through the scores once, sixteen at a time. It writes down those above a threshold, with
// their positions. When this list is full, only the best k of it stay, and the least of these is the new
// threshold; soon hardly any score passes. The list is always in the order of the positions, so of equal
// scores the first stay, and a later one that equals the threshold has lost.
//
// The best of a list are found digit by digit (radix selection): the bits of a float, with the sign
// turned, are a whole number of the same order. Its upper 11, middle 11 and lower 10 bits are counted
// in three passes; each fixes a digit of the k-th largest. No order of the scores is a bad one.

const COUNTS_BYTES: usize = 2048 << 2;

/** Bytes of an entry: order, then position. */
const ENTRY: usize = 8;

/** Scores that are looked at together, and for which the list must have room. */
const BLOCK = 16;

/** How many entries the list has room for. */
function capacity(nS: i32, k: i32): i32 {
  return min(nS, max(16384, k << 2)) + BLOCK;
}

export function topKScratchBytes(nS: i32, k: i32): usize {
  return COUNTS_BYTES + <usize>capacity(nS, k) * ENTRY;
}

/** Writes for each row how many were chosen, or −1 if a score is NaN. A score of −Infinity is never chosen. */
export function topK(
  out: usize,
  nChosen: usize,
  scores: usize,
  nT: i32,
  nS: i32,
  k: i32,
  scratch: usize,
): void {
  for (let t = 0; t < nT; t++) {
    store<i32>(nChosen, topKOfRow(out, scores, nS, k, scratch));
    out += (<usize>k) << 2;
    nChosen += 4;
    scores += (<usize>nS) << 2;
  }
}

function topKOfRow(out: usize, scores: usize, nS: i32, k: i32, scratch: usize): i32 {
  const list = scratch + COUNTS_BYTES;
  const full = list + <usize>(capacity(nS, k) - BLOCK) * ENTRY;
  let end = list;
  let threshold: f32 = -Infinity;
  let thresholds = f32x4.splat(threshold);
  let isNaN = i32x4.splat(0);
  let s = 0;
  for (; s + BLOCK <= nS; s += BLOCK) {
    const p = scores + ((<usize>s) << 2);
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const c = v128.load(p, 32);
    const d = v128.load(p, 48);
    const above = v128.or(
      v128.or(f32x4.gt(a, thresholds), f32x4.gt(b, thresholds)),
      v128.or(f32x4.gt(c, thresholds), f32x4.gt(d, thresholds)),
    );
    isNaN = v128.or(isNaN, v128.or(f32x4.ne(a, a), f32x4.ne(b, b)));
    isNaN = v128.or(isNaN, v128.or(f32x4.ne(c, c), f32x4.ne(d, d)));
    if (!v128.any_true(above)) continue;
    end = note(end, p, s, BLOCK, threshold);
    if (end <= full) continue;
    threshold = scoreOf(keepBest(list, end, k, scratch));
    thresholds = f32x4.splat(threshold);
    end = list + <usize>k * ENTRY;
  }
  for (let p = scores + ((<usize>s) << 2), i = s; i < nS; i++, p += 4) {
    if (load<f32>(p) != load<f32>(p)) return -1;
  }
  if (v128.any_true(isNaN)) return -1;
  end = note(end, scores + ((<usize>s) << 2), s, nS - s, threshold);
  if (end > list + <usize>k * ENTRY) {
    keepBest(list, end, k, scratch);
    end = list + <usize>k * ENTRY;
  }
  for (let entry = list; entry < end; entry += ENTRY, out += 4) {
    store<i32>(out, load<i32>(entry, 4));
  }
  return <i32>((end - list) / ENTRY);
}

/** Writes down those of `n` scores that are above the threshold. Returns the new end of the list. */
function note(end: usize, scores: usize, position: i32, n: i32, threshold: f32): usize {
  for (let i = 0; i < n; i++) {
    const score = load<f32>(scores + ((<usize>i) << 2));
    if (!(score > threshold)) continue;
    store<u32>(end, orderOf(score));
    store<i32>(end, position + i, 4);
    end += ENTRY;
  }
  return end;
}

/** Moves the best k entries to the front, in their old order. Returns the order of the least. */
function keepBest(list: usize, end: usize, k: i32, counts: usize): u32 {
  let digits: u32 = 0;
  let known: u32 = 0;
  let wanted = k;
  for (let shift = 21; ; shift = max(shift - 11, 0)) {
    const mask: u32 = shift == 0 ? 1023 : 2047;
    memory.fill(counts, 0, COUNTS_BYTES);
    for (let entry = list; entry < end; entry += ENTRY) {
      const order = load<u32>(entry);
      if ((order & known) != digits) continue;
      const count = counts + ((<usize>((order >> shift) & mask)) << 2);
      store<i32>(count, load<i32>(count) + 1);
    }
    let digit = mask;
    let count = load<i32>(counts + ((<usize>digit) << 2));
    while (wanted > count) {
      wanted -= count;
      digit--;
      count = load<i32>(counts + ((<usize>digit) << 2));
    }
    digits |= digit << shift;
    known |= mask << shift;
    if (shift == 0) break;
  }
  let kept = list;
  for (let entry = list; entry < end; entry += ENTRY) {
    const order = load<u32>(entry);
    if (order < digits) continue;
    if (order == digits && --wanted < 0) continue;
    store<u64>(kept, load<u64>(entry));
    kept += ENTRY;
  }
  return digits;
}

/** A number that grows with the score. Adding zero makes −0 and +0 one. */
function orderOf(score: f32): u32 {
  const bits = reinterpret<i32>(score + 0);
  return <u32>(bits ^ ((bits >> 31) | i32.MIN_VALUE));
}

/** The score of an order. */
function scoreOf(order: u32): f32 {
  const isPositive = order >> 31;
  return reinterpret<f32>(isPositive ? order ^ 0x80000000 : ~order);
}
