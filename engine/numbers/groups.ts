/**
 * Groups of 32 numbers with one f16 scale. The formats q8 and q4 are ggml's q8_0 and q4_0, bit for
 * bit.
 *
 * ```text
 * q8   scale | 32 signed bytes                                 x[i] ≈ q[i] · scale
 * q4   scale | 16 bytes, two numbers in each:
 *              byte j = n[j] + 16 · n[j + 16]                  x[i] ≈ (n[i] − 8) · scale
 * ```
 *
 * Reading is exact: the product of 8 bits with the 11 bits of an f16 has 19, and an f32 has 24.
 * Writing divides by the scale as it was before its own rounding to f16, as ggml does.
 * @module
 * @see ggml `src/ggml-quants.c`, `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref`
 */

import { EncodingError } from "./encoding-error.ts";
import { decode, fromF16, Q4_ZERO, toF16 } from "./formats.ts";
import { GROUP, type RawTensor } from "./raw-tensor.ts";

/** Largest magnitude of a q8 number. */
const Q8_MAX = 127;

/** The two formats. */
export type GroupFormat = "q8" | "q4";

/** For each format, the dtype of its numbers in a file, and the bytes of one group of them. */
export const GROUP_FORMATS: Readonly<
  Record<GroupFormat, { readonly dtype: "I8" | "U8"; readonly bytes: number }>
> = {
  q8: { dtype: "I8", bytes: GROUP },
  q4: { dtype: "U8", bytes: GROUP / 2 },
};

/** Numbers in groups. */
export interface Groups {
  /** The numbers, group after group. */
  readonly quants: Uint8Array;
  /** The f16 bits of each group's scale. */
  readonly scales: Uint16Array;
}

/**
 * Rounds numbers to groups.
 *
 * - q8: `d = max|x| / 127`, `q = round(x / d)`, halves away from zero
 * - q4: `d = m / −8` for the `m` of largest magnitude (the first of equals),
 *   `n = min(15, ⌊x / d + 8.5⌋)`. So `m` itself is exact, but a number near `−m` is off by up to
 *   `|d|` instead of half of it.
 *
 * @throws {EncodingError} when a number is too large for an f16 scale, or the last group is not
 *   whole
 */
export function toGroups(format: GroupFormat, x: ArrayLike<number>): Groups {
  if (x.length % GROUP !== 0) {
    throw new EncodingError(format, `expected a multiple of ${GROUP} numbers, got ${x.length}`);
  }
  const nGroups = x.length / GROUP;
  const width = GROUP_FORMATS[format].bytes;
  const quants = new Uint8Array(nGroups * width);
  const scales = new Uint16Array(nGroups);
  const pack = format === "q8" ? packQ8 : packQ4;
  for (let g = 0; g < nGroups; g++) {
    const m = farthest(x, g * GROUP);
    const scale = Math.fround(format === "q8" ? Math.abs(m) / Q8_MAX : m / -Q4_ZERO);
    scales[g] = toF16(scale);
    if (!Number.isFinite(fromF16(scales[g]))) {
      throw new EncodingError(format, `expected a group that an f16 scale can reach, got ${m}`);
    }
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    pack(x, g * GROUP, inverse, quants, g * width);
  }
  return { quants, scales };
}

/** Returns the number of largest magnitude in a group, with its sign. */
function farthest(x: ArrayLike<number>, from: number): number {
  let m = 0;
  for (let i = from; i < from + GROUP; i++) {
    if (Math.abs(x[i]) > Math.abs(m)) m = x[i];
  }
  return m;
}

/** Writes the numbers of the group that begins at `x[from]` to `out`, from `at` on. */
type Pack = (
  x: ArrayLike<number>,
  from: number,
  inverse: number,
  out: Uint8Array,
  at: number,
) => void;

/**
 * Half a number away from zero is a whole one in the doubled numbers, which are cut to integers. Signs of
 * weights are random, so a branch for them would be mispredicted half of the time.
 */
const packQ8: Pack = (x, from, inverse, out, at) => {
  for (let i = 0; i < GROUP; i++) {
    const halves = (2 * Math.fround(x[from + i] * inverse)) | 0;
    const isNegative = halves >>> 31;
    out[at + i] = (halves + 1 - isNegative) >> 1;
  }
};

const packQ4: Pack = (x, from, inverse, out, at) => {
  const half = GROUP / 2;
  for (let i = 0; i < half; i++) {
    const [low, high] = [from + i, from + half + i];
    out[at + i] = nibble(x[low] * inverse) | (nibble(x[high] * inverse) << 4);
  }
};

/** The q4 number of a quotient, which is rounded to f32 first. */
function nibble(quotient: number): number {
  return Math.min(15, Math.fround(Math.fround(quotient) + (Q4_ZERO + 0.5)) | 0);
}

/** Returns the numbers of groups, exactly. */
export function fromGroups(format: GroupFormat, groups: Groups): Float32Array {
  const shape = [groups.scales.length * GROUP];
  return decode(rawGroups(format, shape, groups)) as Float32Array; // f64 is only what was stored so
}

/** Returns groups as a stored tensor of `shape`. */
export function rawGroups(
  format: GroupFormat,
  shape: readonly number[],
  { quants, scales }: Groups,
): RawTensor {
  const dtype = format === "q8" ? "Q8" : "Q4";
  return { dtype, shape, bytes: quants, groupScales: scales };
}
