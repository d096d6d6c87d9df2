/**
 * Computes `exp`, `log`, `sin` and `cos` with + − × ÷ alone.
 *
 * ECMAScript lets every runtime choose its own functions, and V8 has changed its choice between
 * versions (`x ** -0.5` has other bits in Node 24 than in Node 20). The four basic operations and
 * the square root are exact IEEE 754 everywhere, so these functions give the same bits in every
 * runtime.
 *
 * The errors, in units in the last place, are at most 1.1 (`exp`), 2.4 (`sin`, `cos`) and 1 (`log`;
 * near 1 it is off by 3e-16). test/engine/numbers/math.test.ts measures them.
 *
 * The method is always the same: reduce the argument to a short interval, sum the Taylor series
 * there, undo the reduction. The coefficients of the series are 1/n!; nothing is fitted.
 * @module
 */

// ln 2 in two parts. The first has 33 significant bits, so its product with an exponent is exact.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

// π/2 in three parts. The first two have 33 bits each, so their products with n < 2^20 are exact.
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_MIDDLE = 6.077100506303966e-11;
const HALF_PI_LOW = 2.0222662487959506e-21;

/** `INVERSE_FACTORIAL[n] = 1/n!` */
const INVERSE_FACTORIAL: readonly number[] = (() => {
  const inverse = [1];
  let factorial = 1;
  for (let n = 1; n <= 18; n++) {
    factorial *= n; // exact up to 18!
    inverse.push(1 / factorial);
  }
  return inverse;
})();

const asFloat = new Float64Array(1);
const asWords = new Uint32Array(asFloat.buffer);

/** Returns `2^k` for `-1022 ≤ k ≤ 1023`. It writes the exponent field; word 1 is the high one. */
function powerOfTwo(k: number): number {
  asWords[0] = 0;
  asWords[1] = (k + 1023) << 20;
  return asFloat[0];
}

/** Returns `e^x`. */
export function exp(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.1332191019412) return 0;
  if (Number.isNaN(x)) return x;
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW; // |r| ≤ ln 2 / 2
  let sum = INVERSE_FACTORIAL[13];
  for (let n = 12; n >= 0; n--) sum = sum * r + INVERSE_FACTORIAL[n];
  // 2^k in two factors, so that neither leaves the range of normal numbers.
  const half = k >> 1;
  return sum * powerOfTwo(half) * powerOfTwo(k - half);
}

/** Returns the natural logarithm of `x > 0`, by Halley's iteration on {@link exp}. */
export function log(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x > 0 ? x : Number.NaN;
  asFloat[0] = x;
  const exponent = ((asWords[1] >>> 20) & 0x7ff) - 1023;
  let y = exponent * Math.LN2;
  // Every step cubes the error: 0.35, 4e-3, 5e-9, below 1e-16.
  for (let step = 0; step < 5; step++) {
    const e = exp(y);
    y += (2 * (x - e)) / (x + e);
  }
  return y;
}

/** Returns `[sin x, cos x]` for `|x| ≤ 2^20`. */
export function sinCos(x: number): [number, number] {
  const n = Math.round(x / (Math.PI / 2));
  const r = x - n * HALF_PI_HIGH - n * HALF_PI_MIDDLE - n * HALF_PI_LOW; // |r| ≤ π/4
  const r2 = r * r;
  let sin = INVERSE_FACTORIAL[17];
  for (let k = 15; k >= 1; k -= 2) sin = INVERSE_FACTORIAL[k] - sin * r2;
  sin *= r;
  let cos = INVERSE_FACTORIAL[18];
  for (let k = 16; k >= 0; k -= 2) cos = INVERSE_FACTORIAL[k] - cos * r2;
  // biome-ignore format: one quadrant per line
  switch (((n % 4) + 4) % 4) {
    case 0: return [sin, cos];
    case 1: return [cos, -sin];
    case 2: return [-sin, -cos];
    default: return [-cos, sin];
  }
}

/** Returns the logistic function `1 / (1 + e^−x)`. */
export function sigmoid(x: number): number {
  return 1 / (1 + exp(-x));
}

/** Returns the nearest integer, ties to even, for `|x| < 2^51`. NaN stays NaN. */
export function roundToEven(x: number): number {
  const magic = 1.5 * 2 ** 52; // from here on f64 has no fractions
  return x + magic - magic;
}
