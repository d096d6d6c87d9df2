/**
 * A second implementation of the functions of engine/numbers/math.ts, with which tests compare
 * them. It computes with integers, to more than 200 bits.
 *
 * A number is a BigInt that counts units of 2^-BITS.
 * @module
 */

const BITS = 256n;
const ONE = 1n << BITS;

const times = (a: bigint, b: bigint): bigint => (a * b) >> BITS;

/** `ln 2 = Σ 1 / (n · 2^n)` */
const LN2: bigint = (() => {
  let sum = 0n;
  for (let n = 1n; n <= BITS; n++) sum += (ONE >> n) / n;
  return sum;
})();

/** `π = 16 atan(1/5) − 4 atan(1/239)` (Machin). */
const PI: bigint = 16n * atanOfInverse(5n) - 4n * atanOfInverse(239n);

function atanOfInverse(x: bigint): bigint {
  let power = ONE / x;
  let sum = power;
  for (let n = 3n; power !== 0n; n += 2n) {
    power /= x * x;
    sum += (n % 4n === 1n ? power : -power) / n;
  }
  return sum;
}

/** A double as `mantissa · 2^exponent`, exactly. */
function parts(x: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const field = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  const magnitude = field === 0 ? fraction : fraction | (1n << 52n);
  return { mantissa: x < 0 ? -magnitude : magnitude, exponent: Math.max(field, 1) - 1075 };
}

/** `x · 2^-scale` in units of 2^-BITS; exact where no bit is lost. */
function fixed(x: number, scale = 0): bigint {
  const { mantissa, exponent } = parts(x);
  const shift = BigInt(exponent - scale) + BITS;
  return shift >= 0n ? mantissa << shift : mantissa >> -shift;
}

/** `Σ ± r^n / n!` over n = first, first + step, …; the rest after n = 120 is below 2^-256. */
function taylor(r: bigint, first: number, step: number, alternate: boolean): bigint {
  let term = ONE;
  let sum = 0n;
  for (let n = 0; n <= 120; n++) {
    if (n > 0) term = times(term, r) / BigInt(n);
    const index = (n - first) / step;
    if (index >= 0 && Number.isInteger(index)) sum += alternate && index % 2 === 1 ? -term : term;
  }
  return sum;
}

/** `e^x = value · 2^scale`, with `value` near 1. */
function exactExp(x: number): { value: bigint; scale: number } {
  const all = fixed(x);
  const k = (2n * all + LN2) / (2n * LN2) - (all < 0n ? 1n : 0n);
  return { value: taylor(all - k * LN2, 0, 1, false), scale: Number(k) };
}

/** How far `got` is from `value · 2^scale`, in units in the last place of the latter (ulps). */
function ulps(got: number, value: bigint, scale: number): number {
  const distance = fixed(got, scale) - value;
  const magnitude = value < 0n ? -value : value;
  const top = magnitude.toString(2).length - 1 - Number(BITS) + scale; // floor(log2)
  const ulp = Math.max(top - 52, -1074) - scale;
  return Math.abs(Number(distance)) / 2 ** (ulp + Number(BITS));
}

/** The error of `got` as a value for `e^x`, in ulps. */
export function expError(x: number, got: number): number {
  const { value, scale } = exactExp(x);
  return ulps(got, value, scale);
}

/** The error of `got` as a value for `ln x`, in ulps. It uses `ln x = got + ln(x / e^got)`. */
export function logError(x: number, got: number): number {
  const { value, scale } = exactExp(got);
  const exact = fixed(x, scale);
  const difference = (2n * (exact - value) * ONE) / (exact + value); // cubic error, below 1e-40
  return ulps(got, fixed(got) + difference, 0);
}

/** The errors of two values for the sine and cosine of `x`, in ulps. */
export function sinCosErrors(x: number, [sin, cos]: readonly [number, number]): [number, number] {
  const all = fixed(x);
  const r = all % (2n * PI);
  return [ulps(sin, taylor(r, 1, 2, true), 0), ulps(cos, taylor(r, 0, 2, true), 0)];
}
