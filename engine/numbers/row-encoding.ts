/**
 * How the numbers of a cached row are stored as bytes. This is the one definition, for every
 * backend.
 *
 * | encoding  | bytes of `n` numbers      | a number is                                              |
 * | --------- | ------------------------- | -------------------------------------------------------- |
 * | `f64`     | `8 n`                     | itself; only where activations are f64                   |
 * | `f32`     | `4 n`                     | itself                                                   |
 * | `bf16`    | `2 n`                     | the nearest bf16, ties to even                           |
 * | `int8x64` | `n + 2 ⌈n / 64⌉`          | `f32(q · scale)`, an f16 scale for each 64, after all q  |
 * | `int8`    | `n + 4`                   | `f32(q · scale)`, one f32 scale, after all q             |
 *
 * The scale is `max |x| / 127`, rounded to its format. `q` is `x / scale`, rounded to the nearest,
 * ties to even, and cut at ±127. A scale belongs to one row only, so the row of a position does not
 * depend on how the text was cut. Bytes are little-endian and need no alignment.
 *
 * Kernels decode the same bytes to the same bits. Only the code here encodes, for all backends.
 * @module
 */
import type { Floats } from "../base/tensor.ts";
import { EncodingError } from "./encoding-error.ts";
import { fromBf16, fromF16, toBf16, toF16 } from "./formats.ts";
import { roundToEven } from "./math.ts";

/** A way to store numbers; the top of this file has the table. */
export type Encoding = "f64" | "f32" | "bf16" | "int8x64" | "int8";

/** Numbers under one scale of `int8x64`. */
const SCALE_GROUP = 64;

/** Largest magnitude of an int8 here; −128 is not used. */
const LARGEST_INT8 = 127;

/** Returns the bytes that `n` numbers take. */
export function encodedBytes(encoding: Encoding, n: number): number {
  // biome-ignore format: one encoding per line
  switch (encoding) {
    case "f64": return 8 * n;
    case "f32": return 4 * n;
    case "bf16": return 2 * n;
    case "int8x64": return n + 2 * Math.ceil(n / SCALE_GROUP);
    case "int8": return n + 4;
    default: return encoding satisfies never;
  }
}

/**
 * Writes `values[from … from + n − 1]` at byte `at`.
 *
 * @throws {EncodingError} when a number is not finite, or so large that no scale reaches it
 */
export function encode(
  encoding: Encoding,
  values: Floats,
  from: number,
  n: number,
  view: DataView,
  at: number,
): void {
  switch (encoding) {
    case "f64":
      for (let i = 0; i < n; i++) view.setFloat64(at + 8 * i, values[from + i], true);
      break;
    case "f32":
      for (let i = 0; i < n; i++) view.setFloat32(at + 4 * i, values[from + i], true);
      break;
    case "bf16":
      for (let i = 0; i < n; i++) view.setUint16(at + 2 * i, toBf16(values[from + i]), true);
      break;
    case "int8x64":
      for (let i = 0; i < n; i += SCALE_GROUP) {
        const nGroup = Math.min(SCALE_GROUP, n - i);
        const bits = toF16(largest(values, from + i, nGroup) / LARGEST_INT8);
        view.setUint16(at + n + 2 * (i / SCALE_GROUP), bits, true);
        quantize(values, from + i, nGroup, fromF16(bits), view, at + i);
      }
      break;
    case "int8": {
      const scale = Math.fround(largest(values, from, n) / LARGEST_INT8);
      view.setFloat32(at + n, scale, true);
      quantize(values, from, n, scale, view, at);
      break;
    }
    default:
      encoding satisfies never;
  }
}

/** Reads `n` numbers at byte `at` into `target[to …]`. */
export function decode(
  encoding: Encoding,
  view: DataView,
  at: number,
  n: number,
  target: Floats,
  to: number,
): void {
  switch (encoding) {
    case "f64":
      for (let i = 0; i < n; i++) target[to + i] = view.getFloat64(at + 8 * i, true);
      break;
    case "f32":
      for (let i = 0; i < n; i++) target[to + i] = view.getFloat32(at + 4 * i, true);
      break;
    case "bf16":
      for (let i = 0; i < n; i++) target[to + i] = fromBf16(view.getUint16(at + 2 * i, true));
      break;
    case "int8x64":
      for (let i = 0; i < n; i++) {
        const scale = fromF16(view.getUint16(at + n + 2 * Math.floor(i / SCALE_GROUP), true));
        target[to + i] = Math.fround(view.getInt8(at + i) * scale);
      }
      break;
    case "int8": {
      const scale = view.getFloat32(at + n, true);
      for (let i = 0; i < n; i++) target[to + i] = Math.fround(view.getInt8(at + i) * scale);
      break;
    }
    default:
      encoding satisfies never;
  }
}

/** Returns the largest magnitude, or NaN if there is one among the numbers. */
function largest(values: Floats, from: number, n: number): number {
  let most = 0;
  for (let i = 0; i < n; i++) most = Math.max(most, Math.abs(values[from + i]));
  return most;
}

/** Writes one byte per number: the nearest whole number to `x / scale`, of `−127 … 127`. */
function quantize(
  values: Floats,
  from: number,
  n: number,
  scale: number,
  view: DataView,
  at: number,
): void {
  if (!(scale < Number.POSITIVE_INFINITY)) {
    throw new EncodingError(
      "row",
      `expected numbers that a scale reaches, got a scale of ${scale}`,
    );
  }
  for (let i = 0; i < n; i++) {
    const q = scale === 0 ? 0 : roundToEven(values[from + i] / scale);
    view.setInt8(at + i, Math.min(Math.max(q, -LARGEST_INT8), LARGEST_INT8));
  }
}
