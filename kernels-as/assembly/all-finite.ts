// allFinite: whether no number among stored bytes is NaN or infinite
//
// Specification: engine/numbers/all-finite.ts
// Difference:    none.
// Requires:      nBytes % 16 == 0.

/**
 * @param mask the bits that are all ones in what is not finite, in every number of a 32-bit word
 * @param one  the lowest of these bits of each number, so that a sum carries into its sign
 */
export function allFinite(at: usize, nBytes: usize, mask: u32, one: u32): i32 {
  const masks = i32x4.splat(mask);
  const ones = i32x4.splat(one);
  let sums = i32x4.splat(0);
  const end = at + nBytes;
  while (at < end) {
    sums = v128.or(sums, i32x4.add(v128.and(v128.load(at), masks), ones));
    at += 16;
  }
  return i32(!v128.any_true(v128.and(sums, i32x4.splat(mask + one))));
}
