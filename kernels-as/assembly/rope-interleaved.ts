// rope-interleaved: y[2j] = x[2j]·c − x[2j+1]·s, y[2j+1] = x[2j+1]·c + x[2j]·s
//
// Specification: engine/ops/reference/rope-interleaved.ts
// Difference:    none: one pair at a time in f64, as there.
// Requires:      rows of y, x, cos and sin that lie one after the other; nPairs may be any number.

export function ropeInterleaved(
  y: usize,
  x: usize,
  cos: usize,
  sin: usize,
  nT: i32,
  nH: i32,
  nPairs: i32,
): void {
  const tableBytes = (<usize>nPairs) << 2;
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let b: usize = 0; b < tableBytes; b += 4) {
        // (x0, x1) · c + (x1, x0) · (−s, s)
        const pair = f64x2.promote_low_f32x4(v128.load64_zero(x));
        const turned = v128.shuffle<i64>(pair, pair, 1, 0);
        const c = f64x2.splat(<f64>load<f32>(cos + b));
        const s = <f64>load<f32>(sin + b);
        const signed = f64x2.replace_lane(f64x2.splat(s), 0, -s);
        const sum = f64x2.add(f64x2.mul(pair, c), f64x2.mul(turned, signed));
        v128.store64_lane(y, f32x4.demote_f64x2_zero(sum), 0);
        x += 8;
        y += 8;
      }
    }
    cos += tableBytes;
    sin += tableBytes;
  }
}
