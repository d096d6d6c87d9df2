/**
 * Writes fp8 with block scales, for tests and for tools that make small checkpoints.
 * @module
 */

import { toE4m3 } from "../numbers/formats.ts";
import { E4M3_MAX, FP8_BLOCK, type RawTensor } from "../numbers/raw-tensor.ts";

/** The smallest `amax` that a scale is made of: a block of zeros needs a scale above 0 too. */
const SMALLEST_AMAX = 1e-12;

/**
 * Quantises a matrix in blocks of 128 x 128. Blocks at the right and lower edges may be smaller.
 *
 * `scale = f32(max(amax, 1e-12) / 448)` of each block, `stored = e4m3(clamp(w / scale, ±448))`.
 *
 * @see DeepSeek-V3, arXiv 2412.19437, §3.3.2
 */
export function quantizeBlocks(
  rows: number,
  cols: number,
  w: Float32Array,
): RawTensor & { readonly scales: Float32Array } {
  const blockCols = Math.ceil(cols / FP8_BLOCK);
  const blockOf = (at: number): number => {
    const [i, j] = [Math.floor(at / cols), at % cols];
    return Math.floor(i / FP8_BLOCK) * blockCols + Math.floor(j / FP8_BLOCK);
  };
  const scales = new Float32Array(Math.ceil(rows / FP8_BLOCK) * blockCols).fill(SMALLEST_AMAX);
  w.forEach((x, at) => {
    scales[blockOf(at)] = Math.max(scales[blockOf(at)], Math.abs(x));
  });
  scales.forEach((amax, block) => {
    scales[block] = amax / E4M3_MAX;
  });
  const bytes = Uint8Array.from(w, (x, at) => {
    const scaled = Math.fround(x / scales[blockOf(at)]);
    return toE4m3(Math.min(Math.max(scaled, -E4M3_MAX), E4M3_MAX));
  });
  return { dtype: "F8_E4M3", shape: [rows, cols], bytes, scales };
}
