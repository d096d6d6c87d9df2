import { type Dims, describe, ShapeError, type Tensor } from "../../base/tensor.ts";
import { roundToEven } from "../../numbers/math.ts";
import { GROUP } from "../../numbers/raw-tensor.ts";

/** Largest magnitude of an int8 activation. */
const LARGEST = 127;

/** The smallest scale, the smallest normal f32; below it a group becomes zeros. */
const SMALLEST_SCALE = 2 ** -126;

/**
 * Activations as products in int8 see them: `x̂ = q · d`, for each group of 32 of the last axis.
 *
 * `d = f32(max|x| / 127)`, `q = round(f32(x · f32(1 / d)))`, ties to the even number. Every row is
 * rounded by itself, so it does not matter which others come with it. A group that holds an
 * infinity or NaN becomes NaN.
 *
 * The numbers are f64, which holds each product of 8 and 24 bits exactly.
 *
 * @see ggml `quantize_row_q8_0`, which does the same and stores `d` in f16
 */
export function int8Rows<D extends Dims>(x: Tensor<D>): Tensor<D> {
  const width = x.shape[x.shape.length - 1];
  if (width % GROUP !== 0) {
    throw new ShapeError(`int8Rows: expected whole groups of ${GROUP}, got ${describe(x)}`);
  }
  const data = new Float64Array(x.data.length);
  for (let from = 0; from < data.length; from += GROUP) {
    const group = Float32Array.from(x.data.subarray(from, from + GROUP));
    const d = Math.fround(group.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / LARGEST);
    if (d < SMALLEST_SCALE) continue;
    const inverse = Math.fround(1 / d);
    group.forEach((v, i) => {
      data[from + i] = roundToEven(Math.fround(v * inverse)) * d;
    });
  }
  return { ...x, data };
}
