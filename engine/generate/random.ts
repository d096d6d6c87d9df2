/**
 * Seeded random numbers, the same in every runtime.
 * @module
 */

/** Draws numbers of `[0, 1)`. */
export type Random = () => number;

/** A generator that can be written down and taken up again. */
export interface SeededRandom extends Random {
  /** Four 32-bit integers: all that the next numbers depend on. */
  state(): readonly number[];
}

/**
 * xoshiro128** with its state filled by splitmix32: small, fast, well tested, all in 32-bit
 * integers. Each number has 53 random bits.
 *
 * @see Blackman & Vigna, Scrambled Linear Pseudorandom Number Generators, arXiv 1805.01407
 */
export function seededRandom(seed: number): SeededRandom {
  let filler = seed | 0;
  const fill = (): number => {
    filler = (filler + 0x9e3779b9) | 0;
    let z = filler;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  return resumedRandom([fill(), fill(), fill(), fill()]);
}

/** The generator that goes on from a {@link SeededRandom.state}. */
export function resumedRandom(state: readonly number[]): SeededRandom {
  let [a, b, c, d] = state;

  const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result >>> 0;
  };
  const draw = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  return Object.assign(draw, { state: () => [a, b, c, d] });
}
