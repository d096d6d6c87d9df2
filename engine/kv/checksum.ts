/**
 * xxHash32, a fast checksum, for bytes that leave memory and come back.
 * @module
 */

/**
 * Returns the checksum of `length` bytes from `at` on, with seed 0.
 *
 * It uses nothing but its arguments, so that a thread can be started from its text. V8 keeps words that are
 * read with a sign as integers, and takes the others for f64; a rotation as a function of its own in
 * here would be made anew by each call, and long calls would be twice as slow.
 *
 * Source: the xxHash specification, "XXH32 algorithm description". Words are little-endian.
 */
export function checksum(view: DataView, at: number, length: number): number {
  // The primes of the specification.
  const P1 = 0x9e3779b1;
  const P2 = 0x85ebca77;
  const P3 = 0xc2b2ae3d;
  const P4 = 0x27d4eb2f;
  const P5 = 0x165667b1;
  /** Bytes of a stripe: one word for each of four lanes. */
  const STRIPE = 16;

  const end = at + length;
  let hash = P5;
  if (length >= STRIPE) {
    let a = (P1 + P2) | 0;
    let b = P2 | 0;
    let c = 0;
    let d = -P1 | 0;
    for (; at + STRIPE <= end; at += STRIPE) {
      a = (a + Math.imul(view.getInt32(at, true), P2)) | 0;
      b = (b + Math.imul(view.getInt32(at + 4, true), P2)) | 0;
      c = (c + Math.imul(view.getInt32(at + 8, true), P2)) | 0;
      d = (d + Math.imul(view.getInt32(at + 12, true), P2)) | 0;
      a = Math.imul((a << 13) | (a >>> 19), P1);
      b = Math.imul((b << 13) | (b >>> 19), P1);
      c = Math.imul((c << 13) | (c >>> 19), P1);
      d = Math.imul((d << 13) | (d >>> 19), P1);
    }
    hash = (a << 1) | (a >>> 31);
    hash = (hash + ((b << 7) | (b >>> 25))) | 0;
    hash = (hash + ((c << 12) | (c >>> 20))) | 0;
    hash = (hash + ((d << 18) | (d >>> 14))) | 0;
  }
  hash = (hash + length) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = (hash + Math.imul(view.getInt32(at, true), P3)) | 0;
    hash = Math.imul((hash << 17) | (hash >>> 15), P4);
  }
  for (; at < end; at++) {
    hash = (hash + Math.imul(view.getUint8(at), P5)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
