// top-k: the k largest scores of a row, as ascending positions; ties go to the smaller position
//
// Specification: engine/ops/reference/top-k.ts
// Difference:    none.
// Requires:      scratch of 2048 · 4 bytes; room at out for min(k, nS) positions.
//
// Radix selection: the bits of a float, with the sign turned, are a whole number of the same
// order. Its upper 11, middle 11 and lower 10 bits are counted in three passes; each pass fixes
// the digit of the k-th largest number. Nothing is sorted, and no order of the scores is a bad one.

/** Returns how many were chosen, or −1 if a score is NaN. A score of −Infinity is never chosen. */
export function topK(out: usize, scores: usize, nS: i32, k: i32, scratch: usize): i32 {
  const end = scores + ((<usize>nS) << 2);
  let visible = 0;
  for (let p = scores; p < end; p += 4) {
    const score = load<f32>(p);
    if (score != score) return -1;
    visible += i32(score > -Infinity);
  }
  if (visible <= k) return emit(out, scores, end, orderOf(-Infinity), 0);

  let digits: u32 = 0;
  let known: u32 = 0;
  let wanted = k;
  for (let shift = 21; ; shift = max(shift - 11, 0)) {
    const mask: u32 = shift == 0 ? 1023 : 2047;
    memory.fill(scratch, 0, 2048 << 2);
    for (let p = scores; p < end; p += 4) {
      const order = orderOf(load<f32>(p));
      if ((order & known) != digits) continue;
      const count = scratch + ((<usize>((order >> shift) & mask)) << 2);
      store<i32>(count, load<i32>(count) + 1);
    }
    let digit = mask;
    let count = load<i32>(scratch + ((<usize>digit) << 2));
    while (wanted > count) {
      wanted -= count;
      digit--;
      count = load<i32>(scratch + ((<usize>digit) << 2));
    }
    digits |= digit << shift;
    known |= mask << shift;
    if (shift == 0) break;
  }
  return emit(out, scores, end, digits, wanted);
}

/** Writes the positions of all scores above `threshold`, and of the first `ties` equal to it. */
function emit(out: usize, scores: usize, end: usize, threshold: u32, ties: i32): i32 {
  const start = out;
  for (let p = scores; p < end; p += 4) {
    const order = orderOf(load<f32>(p));
    if (order < threshold) continue;
    if (order == threshold && --ties < 0) continue;
    store<i32>(out, <i32>((p - scores) >> 2));
    out += 4;
  }
  return <i32>((out - start) >> 2);
}

/** A number that grows with the score. Adding zero makes −0 and +0 one. */
function orderOf(score: f32): u32 {
  const bits = reinterpret<i32>(score + 0);
  return <u32>(bits ^ ((bits >> 31) | i32.MIN_VALUE));
}
