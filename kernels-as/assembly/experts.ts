// experts: y[o] += weight · x[o], the last step of y[t] = Σ_a weights[t,a] · expert_e(x[t])
//
// Specification: engine/ops/reference/experts.ts
// Difference:    the sum over experts is f32, one rounding for each product and each addition.
//                (Inside an expert: linear.ts, silu-mul.ts.)
// Requires:      nothing: n may be any number.

export function addScaled(y: usize, x: usize, n: i32, weight: f32): void {
  const weights = f32x4.splat(weight);
  const end = y + ((<usize>n) << 2);
  const wholeEnd = y + (((<usize>n) << 2) & ~15);
  while (y < wholeEnd) {
    v128.store(y, f32x4.add(v128.load(y), f32x4.mul(v128.load(x), weights)));
    y += 16;
    x += 16;
  }
  for (; y < end; y += 4, x += 4) store<f32>(y, load<f32>(y) + load<f32>(x) * weight);
}
