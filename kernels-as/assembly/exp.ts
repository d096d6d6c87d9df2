// exp: y = e^x
//
// Specification: engine/numbers/math.ts, exp
// Difference:    within 2^-23 of the value, relative, down to 2^-126; below, within 2^-149 of it.
//                Infinity from 88.73 on, 0 below -103.98, NaN for NaN.
// Requires:      y and x hold n numbers, rounded up to a multiple of 4; those beyond n do not matter.
//
// Method: x is taken apart as n ln 2 + r with |r| ≤ ln 2 / 2. The Taylor series gives e^r up to r^7,
// which leaves an error of 5e-9. Then 2^n is multiplied in as two factors, so that neither of them
// leaves the normal numbers.

// The constants stand in memory because V8 builds a v128 constant anew, in three instructions, wherever
// it is used, while one instruction loads a number to all four lanes. ln 2 is 355/512 − 2.1219444e-4: the
// first part has nine bits, so its product with an exponent is exact. Adding 1.5 · 2^23 rounds to an integer.
// biome-ignore format: one constant per line
const EXP = memory.data<f32>([
  -104, //                 0  smallest argument
  89, //                   4  largest argument
  1.4426950408889634, //   8  1 / ln 2
  12582912, //            12  1.5 · 2^23
  0.693359375, //         16  ln 2, high part
  -2.1219444e-4, //       20  ln 2, low part
  1 / 5040, //            24  1/7!
  1 / 720, //             28  1/6!
  1 / 120, //             32  1/5!
  1 / 24, //              36  1/4!
  1 / 6, //               40  1/3!
  0.5, //                 44  1/2!
  1, //                   48  1/1!, 1/0!
]);
const EXPONENT_BIAS = memory.data<i32>([127]);

/** e^x in each lane. */
export function exp4(argument: v128): v128 {
  const x = f32x4.max(f32x4.min(argument, v128.load32_splat(EXP, 4)), v128.load32_splat(EXP));
  const magic = v128.load32_splat(EXP, 12);
  const shifted = f32x4.add(f32x4.mul(x, v128.load32_splat(EXP, 8)), magic);
  const n = f32x4.sub(shifted, magic);
  const high = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(EXP, 16)));
  const r = f32x4.sub(high, f32x4.mul(n, v128.load32_splat(EXP, 20)));

  let p = f32x4.add(f32x4.mul(v128.load32_splat(EXP, 24), r), v128.load32_splat(EXP, 28));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 32));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 36));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 40));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 44));
  // e^r = 1 + (r + r² p): the largest part is added last, which keeps the rounding small.
  const eR = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r), v128.load32_splat(EXP, 48));

  const k = i32x4.sub(shifted, magic);
  const half = i32x4.shr_s(k, 1);
  return f32x4.mul(f32x4.mul(eR, powerOfTwo(half)), powerOfTwo(i32x4.sub(k, half)));
}

/** 2^k in each lane, by writing the exponent field; -126 ≤ k ≤ 127. */
function powerOfTwo(k: v128): v128 {
  return i32x4.shl(i32x4.add(k, v128.load32_splat(EXPONENT_BIAS)), 23);
}

/** exp4 as a kernel of its own, which only its test calls: other kernels have exp4 inside. */
export function exp(y: usize, x: usize, n: i32): void {
  const end = y + ((<usize>n) << 2);
  while (y < end) {
    v128.store(y, exp4(v128.load(x)));
    y += 16;
    x += 16;
  }
}
