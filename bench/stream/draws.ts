/**
 * Random numbers that depend on a key and a counter alone, so that any part of a tensor can be made
 * by itself, on any thread.
 *
 * Next: topics.ts
 * @module
 */
import { createHash } from "node:crypto";
import { exp } from "../../engine/numbers/math.ts";

/** What a sequence of numbers depends on. */
export interface Key {
  readonly a: number;
  readonly b: number;
}

/** The key of a tensor, or of anything else with a name. */
export function keyOf(seed: number, name: string): Key {
  const hash = createHash("sha256").update(`${seed} ${name}`).digest();
  return { a: hash.readInt32LE(0), b: hash.readInt32LE(4) };
}

/** The 32 random bits number `i`, `i` below 2^32. No two numbers have the same. */
export function bits({ a, b }: Key, i: number): number {
  return mix((mix(i ^ a) + b) | 0);
}

/** A permutation of the 32-bit words in which each bit of the input moves about half of the output. */
function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return h ^ (h >>> 16);
}

/** Number `i` of a sequence that is uniform in [0, 1). */
export function uniform(key: Key, i: number): number {
  return (bits(key, i) >>> 0) / 2 ** 32;
}

/** How many entries the tables have from which numbers are drawn. */
export const N_DRAWS = 2 ** 16;

type Table = Uint8Array | Uint16Array | Float32Array;

/**
 * Fills `target` with entries of a table of {@link N_DRAWS}: the numbers `begin`, `begin + 1`, … of the
 * key's sequence. One draw of 32 bits gives two of them.
 */
export function fillFrom<T extends Table>(target: T, table: T, key: Key, begin = 0): void {
  let at = 0;
  if (begin % 2 === 1 && target.length > 0) {
    target[at++] = table[bits(key, (begin - 1) / 2) >>> 16];
  }
  let draw = (begin + at) / 2;
  for (; at + 1 < target.length; at += 2) {
    const word = bits(key, draw++);
    target[at] = table[word & 0xffff];
    target[at + 1] = table[word >>> 16];
  }
  if (at < target.length) target[at] = table[bits(key, draw) & 0xffff];
}

/** How many steps lead from one entry of {@link normalTable} to the next. */
const STEPS = 8;

/**
 * The quantiles of the normal distribution: entry `i` is the number below which lie `(i + ½) / 65536`
 * of all. Drawn with equal probability, they have mean 0 and deviation 1.
 */
export function normalTable(): Float64Array {
  const table = new Float64Array(N_DRAWS);
  const step = 1 / (2 * N_DRAWS * STEPS);
  // z(p) obeys z' = √(2π) · exp(z² / 2), z(½) = 0: Runge and Kutta's method.
  const slope = (z: number): number => Math.sqrt(2 * Math.PI) * exp((z * z) / 2);
  let z = 0;
  for (let i = N_DRAWS / 2; i < N_DRAWS; i++) {
    const n = i === N_DRAWS / 2 ? STEPS : 2 * STEPS; // the first entry is half a step away
    for (let s = 0; s < n; s++) {
      const k1 = slope(z);
      const k2 = slope(z + (step / 2) * k1);
      const k3 = slope(z + (step / 2) * k2);
      z += (step / 6) * (k1 + 2 * k2 + 2 * k3 + slope(z + step * k3));
    }
    table[i] = z;
    table[N_DRAWS - 1 - i] = -z;
  }
  return table;
}
