// sigmoid: 1 / (1 + e^−x) in f64
//
// Specification: engine/numbers/math.ts, sigmoid and exp
// Difference:    none: the same operations in the same order.
// Requires:      nothing.

// ln 2 in two parts: the product of the first with an exponent is exact.
const LN2: f64 = 0.6931471805599453;
const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;

/** One number at a time: the router needs a few hundred of them, too few to pay for vectors. */
export function sigmoid(x: f64): f64 {
  return 1.0 / (1.0 + exp(-x));
}

/** e^x */
function exp(x: f64): f64 {
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  if (x != x) return x;
  const k = Math.round(x / LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum: f64 = 1.0 / 6227020800.0; // 1 / 13!
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const half = <i32>k >> 1;
  return sum * powerOfTwo(half) * powerOfTwo(<i32>k - half);
}

/** 2^k for −1022 ≤ k ≤ 1023, by writing the exponent field. */
function powerOfTwo(k: i32): f64 {
  return reinterpret<f64>((<u64>(k + 1023)) << 52);
}
