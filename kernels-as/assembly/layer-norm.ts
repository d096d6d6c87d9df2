// layer-norm: y[t,c] = g[c] · (x[t,c] − mean) / √(var + eps) + b[c]
//
// Specification: engine/ops/reference/layer-norm.ts
// Difference:    four f64 partial sums instead of one; every rounding after them is the same.
// Requires:      rows of y and of x that lie one after the other; nC may be any number.
import { demote, promoteHigh, sumLanes } from "./doubles";

export function layerNorm(
  y: usize,
  x: usize,
  gain: usize,
  bias: usize,
  nT: i32,
  nC: i32,
  eps: f64,
): void {
  const rowBytes = (<usize>nC) << 2;
  const whole = rowBytes & ~15;
  for (let t = 0; t < nT; t++) {
    const mean = sumOf(x, nC) / <f64>nC;
    const scale = 1.0 / sqrt(sumOfSquaresAround(mean, x, nC) / <f64>nC + eps);
    const means = f64x2.splat(mean);
    const scales = f64x2.splat(scale);
    let b: usize = 0;
    for (; b < whole; b += 16) {
      const v = v128.load(x + b);
      const g = v128.load(gain + b);
      const low = f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(v), means), scales);
      const high = f64x2.mul(f64x2.sub(promoteHigh(v), means), scales);
      const shift = v128.load(bias + b);
      v128.store(
        y + b,
        demote(
          f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(g), low), f64x2.promote_low_f32x4(shift)),
          f64x2.add(f64x2.mul(promoteHigh(g), high), promoteHigh(shift)),
        ),
      );
    }
    for (; b < rowBytes; b += 4) {
      const normed = (<f64>load<f32>(x + b) - mean) * scale;
      store<f32>(y + b, <f32>(<f64>load<f32>(gain + b) * normed + <f64>load<f32>(bias + b)));
    }
    x += rowBytes;
    y += rowBytes;
  }
}

function sumOf(x: usize, nC: i32): f64 {
  const end = x + ((<usize>nC) << 2);
  const wholeEnd = x + (((<usize>nC) << 2) & ~15);
  let sums = f64x2.splat(0);
  for (; x < wholeEnd; x += 16) {
    const v = v128.load(x);
    sums = f64x2.add(sums, f64x2.add(f64x2.promote_low_f32x4(v), promoteHigh(v)));
  }
  let sum = sumLanes(sums);
  for (; x < end; x += 4) sum += <f64>load<f32>(x);
  return sum;
}

function sumOfSquaresAround(mean: f64, x: usize, nC: i32): f64 {
  const means = f64x2.splat(mean);
  const end = x + ((<usize>nC) << 2);
  const wholeEnd = x + (((<usize>nC) << 2) & ~15);
  let low = f64x2.splat(0);
  let high = low;
  for (; x < wholeEnd; x += 16) {
    const v = v128.load(x);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), means);
    const b = f64x2.sub(promoteHigh(v), means);
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  let sum = sumLanes(f64x2.add(low, high));
  for (; x < end; x += 4) {
    const v = <f64>load<f32>(x) - mean;
    sum += v * v;
  }
  return sum;
}
