/**
 * An indexer whose every number is a small integer, so that its scores are exact in any arithmetic
 * and any order of sums: keys and queries −8 … 7, which even e4m3 holds, head weights −128 … 127,
 * which bf16 holds. All come from a counter and a seed, so that a million keys need no file.
 * docs/golden-pack.md defines the generator.
 *
 * Next: selection-cases.ts
 * @module
 */

/** Heads and channels of the released model. */
export const HEADS = 32;
export const WIDTH = 128;

/** What a seed's three streams are for. */
const [KEYS, QUERIES, WEIGHTS] = [0, 1, 2];

/** Scrambles 32 bits: the finalizer of MurmurHash3. */
function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Word `i` of a stream: 32 bits. */
function word(seed: number, stream: number, i: number): number {
  return mix((mix(3 * seed + stream + 1) + Math.imul(i, 0x9e3779b9)) | 0);
}

/** Eight numbers −8 … 7 to a word, the lowest four bits first. */
function nibbles(seed: number, stream: number, firstWord: number, out: Int32Array): void {
  for (let i = 0; i < out.length; i++) {
    out[i] = ((word(seed, stream, firstWord + (i >> 3)) >>> (4 * (i & 7))) & 15) - 8;
  }
}

/** Key `s`, `[WIDTH]`. */
export function integerKey(seed: number, s: number, out = new Int32Array(WIDTH)): Int32Array {
  nibbles(seed, KEYS, (s * WIDTH) / 8, out);
  return out;
}

/** Query `t`, `[HEADS, WIDTH]`. */
export function integerQuery(seed: number, t: number): Int32Array {
  const out = new Int32Array(HEADS * WIDTH);
  nibbles(seed, QUERIES, (t * HEADS * WIDTH) / 8, out);
  return out;
}

/** Head weights of query `t`, `[HEADS]`. */
export function integerWeights(seed: number, t: number): Int32Array {
  return Int32Array.from(
    { length: HEADS },
    (_, j) => (word(seed, WEIGHTS, t * HEADS + j) & 255) - 128,
  );
}

/** `Σ_j w[t,j] · max(0, q[t,j] · k[s])` for every key `s < n`: whole numbers below 2^24. */
export function integerScores(seed: number, t: number, n: number): Int32Array {
  const q = integerQuery(seed, t);
  const w = integerWeights(seed, t);
  const key = new Int32Array(WIDTH);
  return Int32Array.from({ length: n }, (_, s) => score(q, w, integerKey(seed, s, key)));
}

/** The score of one key. */
export function score(q: Int32Array, w: Int32Array, key: Int32Array): number {
  let sum = 0;
  for (let j = 0; j < HEADS; j++) {
    let dot = 0;
    for (let d = 0; d < WIDTH; d++) dot += q[j * WIDTH + d] * key[d];
    if (dot > 0) sum += w[j] * dot;
  }
  return sum;
}
