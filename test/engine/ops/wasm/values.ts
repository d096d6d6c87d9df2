/**
 * Numbers for which kernels are often wrong: very large ones, very small ones, ones that cancel
 * each other, and zeros.
 * @module
 */
import { gaussians } from "../../../support/random.ts";

/** A way to fill a tensor with `n` numbers. */
export type Fill = (n: number, seed: number) => Float32Array;

/** The ways by name. All numbers are finite, and no product of two overflows. */
export const FILLS: Readonly<Record<string, Fill>> = {
  gaussian: gaussians,
  large: (n, seed) => gaussians(n, seed, 1e15),
  small: (n, seed) => gaussians(n, seed, 1e-15),
  "of every scale": (n, seed) => gaussians(n, seed).map((x, i) => x * 2 ** (((i * 7) % 61) - 30)),
  "cancelling pairs": (n, seed) =>
    gaussians(n, seed, 1000).map((x, i, all) => (i % 2 ? 1e-3 * x - all[i - 1] : x)),
  denormal: (n, seed) => gaussians(n, seed, 2 ** -135),
  zero: (n) => new Float32Array(n),
  "mostly zero": (n, seed) => gaussians(n, seed).map((x, i) => (i % 5 ? 0 : x)),
};

/** Lengths a little below, at and above those of vectors, tiles and blocks. */
export const LENGTHS: readonly number[] = [1, 3, 7, 8, 9, 16, 31, 64, 255, 256, 257, 520];
