// doubles: four f32 lanes become two pairs of f64, and two pairs become four lanes.
//
// For the kernels whose sums are f64: norms, rotation, softmax.

/** Lanes 2 and 3 in f64. */
export function promoteHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1));
}

/** Two pairs of f64 as four f32, each rounded once. */
export function demote(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** The sum of both lanes. */
export function sumLanes(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}
