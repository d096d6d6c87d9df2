/**
 * xxHash32, a fast checksum, for bytes that leave memory and come back.
 * @module
 */

/**
 * Returns the checksum of `length` bytes from `at` on, with seed 0.
 *
 * It uses nothing but its arguments, so that a thread can be started from its text. Words are read with
 * a sign: V8 keeps those in registers, and the others as f64.
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

  /** Rotates a word to the left. */
  const rotate = (word: number, by: number) => (word << by) | (word >>> (32 - by));

  const end = at + length;
  let hash = P5;
  if (length >= STRIPE) {
    let a = (P1 + P2) | 0;
    let b = P2 | 0;
    let c = 0;
    let d = -P1 | 0;
    for (; at + STRIPE <= end; at += STRIPE) {
      a = Math.imul(rotate((a + Math.imul(view.getInt32(at, true), P2)) | 0, 13), P1);
      b = Math.imul(rotate((b + Math.imul(view.getInt32(at + 4, true), P2)) | 0, 13), P1);
      c = Math.imul(rotate((c + Math.imul(view.getInt32(at + 8, true), P2)) | 0, 13), P1);
      d = Math.imul(rotate((d + Math.imul(view.getInt32(at + 12, true), P2)) | 0, 13), P1);
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + length) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getInt32(at, true), P3)) | 0, 17), P4);
  }
  for (; at < end; at++) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint8(at), P5)) | 0, 11), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
