/**
 * Sets of characters, as ranges of code points, and the bytes that they are in UTF-8.
 *
 * Surrogates are in no set: they are no characters, and UTF-8 has no bytes for them.
 *
 * Next: forms.ts
 * @module
 */

/** Ranges, both ends included, in ascending order; no two of them touch. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

/** All characters. */
export const ALL: CodePoints = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** The characters of ranges that may overlap and stand in any order. */
export function codePoints(...ranges: readonly (readonly [number, number])[]): CodePoints {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return without(merged, [[0xd800, 0xdfff]]);
}

/** The characters that stand in a text. */
export function charactersOf(text: string): CodePoints {
  return codePoints(
    ...[...text].map((char): [number, number] => {
      const code = char.codePointAt(0) ?? 0;
      return [code, code];
    }),
  );
}

/** The characters of `set` that are not in `other`. */
export function without(set: CodePoints, other: CodePoints): CodePoints {
  const left: [number, number][] = [];
  for (const [from, to] of set) {
    let start = from;
    for (const [a, b] of other) {
      if (b < start || a > to) continue;
      if (a > start) left.push([start, a - 1]);
      start = b + 1;
    }
    if (start <= to) left.push([start, to]);
  }
  return left;
}

/** The bytes of some characters: one range for each byte. */
export type ByteRanges = readonly (readonly [from: number, to: number])[];

/** The last code points with one, two, three and four bytes. */
const LAST = [0x7f, 0x7ff, 0xffff, 0x10ffff] as const;

/** What the first byte of 1 … 4 bytes begins with. */
const LEAD = [0, 0xc0, 0xe0, 0xf0] as const;

/** Bits of a byte that is not the first one. */
const REST_BITS = 6;
const REST_MARK = 0x80;
const REST_MASK = 0x3f;

/** All sequences of bytes that are characters of the set, as products of byte ranges. */
export function utf8Ranges(set: CodePoints): ByteRanges[] {
  const found: ByteRanges[] = [];
  for (const [from, to] of set) {
    let start = from;
    LAST.forEach((last, i) => {
      if (start > to || start > last) return;
      const end = Math.min(to, last);
      split(start, end, i, LEAD[i] as number, found);
      start = end + 1;
    });
  }
  return found;
}

/**
 * Splits a range of code points where its bytes do not form a product, and adds the parts.
 *
 * @param nRest how many bytes follow the first one
 */
function split(from: number, to: number, nRest: number, lead: number, found: ByteRanges[]): void {
  for (let i = 1; i <= nRest; i++) {
    const mask = 2 ** (REST_BITS * i) - 1;
    if (from - (from & mask) === to - (to & mask)) continue;
    if ((from & mask) !== 0) {
      split(from, from | mask, nRest, lead, found);
      split((from | mask) + 1, to, nRest, lead, found);
      return;
    }
    if ((to & mask) !== mask) {
      split(from, to - (to & mask) - 1, nRest, lead, found);
      split(to - (to & mask), to, nRest, lead, found);
      return;
    }
  }
  const byte = (code: number, i: number) =>
    i === nRest
      ? lead | (code >>> (REST_BITS * i))
      : REST_MARK | ((code >>> (REST_BITS * i)) & REST_MASK);
  found.push(
    Array.from({ length: nRest + 1 }, (_, k) => {
      const i = nRest - k;
      return [byte(from, i), byte(to, i)] as const;
    }),
  );
}
