/**
 * The terms that the bounds of the wasm backend are made of.
 *
 * `u` is one f32 rounding, {@link F32_ROUNDING}; `γ(m) = m u / (1 − m u)` bounds what `m` of them in a
 * row do.
 *
 * Next: product-bounds.ts
 * @see Higham, Accuracy and Stability of Numerical Algorithms, §3.1 (γ), §4.2 (partial sums)
 * @module
 */

import type { Floats } from "../../base/tensor.ts";
import { F32_ROUNDING, F32_TINY } from "../../numbers/formats.ts";

/** Relative error of exp4 (kernels-as/assembly/exp.ts), above the denormals. */
export const EXP: number = 2 ** -23;

/** Absolute error of exp4 among the denormals. */
export const EXP_TINY: number = 2 ** -149;

/** Relative error of SwiGLU: e^−|g| stands above and below the line, and four roundings follow. */
const SILU_MUL = 1.5 * EXP + 4.01 * F32_ROUNDING;

/** `γ(m)` */
export function gamma(m: number): number {
  return (m * F32_ROUNDING) / (1 - m * F32_ROUNDING);
}

/** For a dot product of `n`: a multiplication, the sum of a lane, three additions that join the lanes. */
export function dotGamma(n: number): number {
  return gamma(Math.ceil(n / 8) + 3);
}

/** `x · w` and `|x| · |w|`, of `n` numbers each. */
export function dots(x: Floats, xAt: number, w: Floats, wAt: number, n: number): [number, number] {
  let dot = 0;
  let size = 0;
  for (let i = 0; i < n; i++) {
    const product = x[xAt + i] * w[wAt + i];
    dot += product;
    size += Math.abs(product);
  }
  return [dot, size];
}

/** What SwiGLU adds to an error, `y` being its exact result. */
export function siluMulOff(y: number, gate: number, up: number): number {
  return Math.abs(y) * SILU_MUL + (Math.abs(gate) + 2) * Math.abs(up) * EXP_TINY + F32_TINY;
}
