// lanes: eight partial sums become one.
//
// Every dot product of this module, in every number format, is taken apart in the same way: the
// eight partial sums s_j = Σ x[i] · w[i] over i ≡ j (mod 8), each in ascending i, joined by
//
//     ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
//
// So a result depends neither on how many rows a kernel takes at once nor on the stored format: a
// bf16 matrix gives the bits that the same numbers give in f32.

/** Joins the sums when the vectors hold s0 s1 s2 s3 and s4 s5 s6 s7. */
export function joinInOrder(s0123: v128, s4567: v128): f32 {
  const s = f32x4.add(s0123, s4567);
  return (
    f32x4.extract_lane(s, 0) +
    f32x4.extract_lane(s, 2) +
    (f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 3))
  );
}

/**
 * Joins the sums of four results that lie one after the other, each eight of them in order: the same
 * additions as in joinInOrder, four at a time.
 */
export function joinFour(sums: usize): v128 {
  const s0 = f32x4.add(v128.load(sums), v128.load(sums, 16));
  const s1 = f32x4.add(v128.load(sums, 32), v128.load(sums, 48));
  const s2 = f32x4.add(v128.load(sums, 64), v128.load(sums, 80));
  const s3 = f32x4.add(v128.load(sums, 96), v128.load(sums, 112));
  const pair01 = f32x4.add(v128.shuffle<i64>(s0, s1, 0, 2), v128.shuffle<i64>(s0, s1, 1, 3));
  const pair23 = f32x4.add(v128.shuffle<i64>(s2, s3, 0, 2), v128.shuffle<i64>(s2, s3, 1, 3));
  return f32x4.add(
    v128.shuffle<i32>(pair01, pair23, 0, 2, 4, 6),
    v128.shuffle<i32>(pair01, pair23, 1, 3, 5, 7),
  );
}

/** Joins the sums when the vectors hold s0 s2 s4 s6 and s1 s3 s5 s7. */
export function joinEvenOdd(even: v128, odd: v128): f32 {
  return (
    f32x4.extract_lane(even, 0) +
    f32x4.extract_lane(even, 2) +
    (f32x4.extract_lane(even, 1) + f32x4.extract_lane(even, 3)) +
    (f32x4.extract_lane(odd, 0) +
      f32x4.extract_lane(odd, 2) +
      (f32x4.extract_lane(odd, 1) + f32x4.extract_lane(odd, 3)))
  );
}
