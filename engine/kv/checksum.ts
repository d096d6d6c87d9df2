/**
 * xxHash32, a fast checksum, for rows that leave memory and come back.
 * @module
 */

// The primes of the specification.
const P1: number = 0x9e3779b1;
const P2: number = 0x85ebca77;
const P3: number = 0xc2b2ae3d;
const P4: number = 0x27d4eb2f;
const P5: number = 0x165667b1;

/** Bytes of a stripe: one word for each of four lanes. */
const STRIPE = 16;

/**
 * Returns the checksum of `length` bytes from `at` on, with seed 0.
 *
 * Source: the xxHash specification, "XXH32 algorithm description". Words are little-endian.
 */
export function checksum(view: DataView, at: number, length: number): number {
  const end = at + length;
  let hash = P5;
  if (length >= STRIPE) {
    let [a, b, c, d] = [(P1 + P2) | 0, P2 | 0, 0, -P1 | 0];
    for (; at + STRIPE <= end; at += STRIPE) {
      a = round(a, view.getUint32(at, true));
      b = round(b, view.getUint32(at + 4, true));
      c = round(c, view.getUint32(at + 8, true));
      d = round(d, view.getUint32(at + 12, true));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + length) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint32(at, true), P3)) | 0, 17), P4);
  }
  for (; at < end; at++) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint8(at), P5)) | 0, 11), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Takes one word into a lane. */
function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1);
}

/** Rotates a word to the left. */
function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
