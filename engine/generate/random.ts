/**
 * Random numbers from a seed. They are the same in every runtime.
 * @module
 */

/** Returns a random number of `[0, 1)` at each call. */
export type Random = () => number;

/** A random generator whose state can be saved and restored. */
export interface SeededRandom extends Random {
  /** The state: four 32-bit integers, on which all further numbers depend. */
  state(): readonly number[];
}

/**
 * Makes a generator from a seed. It is xoshiro128**, with its state filled by splitmix32: this is
 * small, fast, well tested, and needs only 32-bit integers. Each number has 53 random bits.
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

/** Makes a generator that continues from a saved {@link SeededRandom.state}. */
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
