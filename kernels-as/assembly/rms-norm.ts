// rms-norm: y[t,c] = g[c] · x[t,c] / √(mean_c x[t,c]² + eps)
//
// Specification: engine/ops/reference/rms-norm.ts
// Difference:    four f64 partial sums instead of one; every rounding after them is the same.
// Requires:      rows of y and of x that lie one after the other; nC may be any number.

import { demote, promoteHigh, sumLanes } from "./doubles";

export function rmsNorm(y: usize, x: usize, gain: usize, nT: i32, nC: i32, eps: f64): void {
  const rowBytes = (<usize>nC) << 2;
  const whole = rowBytes & ~15;
  for (let t = 0; t < nT; t++) {
    const scale = 1.0 / sqrt(sumOfSquares(x, nC) / <f64>nC + eps);
    const scales = f64x2.splat(scale);
    let b: usize = 0;
    for (; b < whole; b += 16) {
      const g = v128.load(gain + b);
      const v = v128.load(x + b);
      const low = f64x2.mul(
        f64x2.promote_low_f32x4(g),
        f64x2.mul(f64x2.promote_low_f32x4(v), scales),
      );
      const high = f64x2.mul(promoteHigh(g), f64x2.mul(promoteHigh(v), scales));
      v128.store(y + b, demote(low, high));
    }
    for (; b < rowBytes; b += 4) {
      store<f32>(y + b, <f32>(<f64>load<f32>(gain + b) * (<f64>load<f32>(x + b) * scale)));
    }
    x += rowBytes;
    y += rowBytes;
  }
}

function sumOfSquares(x: usize, nC: i32): f64 {
  const end = x + ((<usize>nC) << 2);
  const wholeEnd = x + (((<usize>nC) << 2) & ~15);
  let low = f64x2.splat(0);
  let high = low;
  for (; x < wholeEnd; x += 16) {
    const v = v128.load(x);
    const a = f64x2.promote_low_f32x4(v);
    const b = promoteHigh(v);
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  let sum = sumLanes(f64x2.add(low, high));
  for (; x < end; x += 4) {
    const v = <f64>load<f32>(x);
    sum += v * v;
  }
  return sum;
}
