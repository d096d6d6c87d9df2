/**
 * Random tensors and weights from seeds. All values are exact in f32, so that a backend in f32 and
 * one in f64 have the same numbers.
 * @module
 */

import { type Shape, sizeOf, type Tensor, type Weight } from "../../engine/base/tensor.ts";
import { seededRandom } from "../../engine/generate/random.ts";
import { encodeF32 } from "../../engine/numbers/formats.ts";
import type { Ops } from "../../engine/ops/ops.ts";

/** `n` normally distributed numbers of mean `mean` and deviation `scale`. */
export function gaussians(n: number, seed: number, scale = 1, mean = 0): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: n }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return mean + scale * radius * Math.cos(2 * Math.PI * random());
  });
}

/** `n` token ids below `vocab`. */
export function randomTokens(n: number, vocab: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * vocab));
}

/** A random activation. */
export function random<const D extends readonly string[]>(
  ops: Ops,
  dims: D,
  shape: Shape<D>,
  seed: number,
  scale = 1,
): Tensor<D> {
  return ops.tensor(dims, shape, gaussians(sizeOf(shape), seed, scale));
}

/** A parameter with these values. */
export function weight<const D extends readonly string[]>(
  ops: Ops,
  dims: D,
  shape: Shape<D>,
  values: ArrayLike<number>,
): Weight<D> {
  return ops.place(dims, shape, encodeF32(shape, Float32Array.from(values)));
}

/** A random parameter. */
export function randomWeight<const D extends readonly string[]>(
  ops: Ops,
  dims: D,
  shape: Shape<D>,
  seed: number,
  scale = 1,
  mean = 0,
): Weight<D> {
  return weight(ops, dims, shape, gaussians(sizeOf(shape), seed, scale, mean));
}
