/**
 * Coarser number formats.
 * @module
 */
import { bf16, f16 } from "../../case/rounding.ts";

/** A number rounded to the e4m3 format of 8 bits, without a scale. */
function e4m3(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(-6, Math.floor(Math.log2(Math.abs(x))));
  const unit = 2 ** (exponent - 3);
  return Math.max(-448, Math.min(448, Math.round(x / unit) * unit));
}

/** Rounds in blocks with one scale each, the largest of them being `most`. */
const inBlocks =
  (block: number, most: number, round: (x: number) => number) =>
  (w: ArrayLike<number>, shape: readonly number[]): Float64Array => {
    const n = Math.min(block, shape[shape.length - 1]);
    const out = Float64Array.from(w);
    for (let i = 0; i < out.length; i += n) {
      const part = out.subarray(i, i + n);
      const scale = Math.max(...part.map(Math.abs)) / most || 1;
      part.forEach((x, j) => {
        part[j] = round(x / scale) * scale;
      });
    }
    return out;
  };

/** Ways to round numbers, of weights or of what is computed. */
export const ROUNDINGS: readonly (readonly [
  name: string,
  round: (x: ArrayLike<number>, shape: readonly number[]) => ArrayLike<number>,
])[] = [
  ["f16", (x) => Float64Array.from(x, f16)],
  ["bf16", (x) => Float64Array.from(x, bf16)],
  ["fp8 (e4m3)", (x) => Float64Array.from(x, e4m3)],
  [
    "fp8 (e4m3) with a scale for each row",
    (x, shape) => inBlocks(shape[shape.length - 1], 448, e4m3)(x, shape),
  ],
  ["fp8 (e4m3) with a scale for each 128", inBlocks(128, 448, e4m3)],
  [
    "int8 with a scale for each row",
    (x, shape) => inBlocks(shape[shape.length - 1], 127, Math.round)(x, shape),
  ],
  ["int8 with a scale for each 32", inBlocks(32, 127, Math.round)],
  ["int8 with one scale", (x) => inBlocks(x.length, 127, Math.round)(x, [x.length])],
  [
    "int4 with a scale for each row",
    (x, shape) => inBlocks(shape[shape.length - 1], 7, Math.round)(x, shape),
  ],
  ["int4 with a scale for each 32", inBlocks(32, 7, Math.round)],
];
