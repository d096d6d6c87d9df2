/**
 * What a case of one operation is made of.
 *
 * Next: op-cases.ts
 * @module
 */

import type { Tensor } from "../../../engine/base/tensor.ts";
import { seededRandom } from "../../../engine/generate/random.ts";
import { encodeF32 } from "../../../engine/numbers/formats.ts";
import type { Ops } from "../../../engine/ops/ops.ts";

/** Numbers as an engine in f32 gets them. */
export interface Input {
  readonly shape: readonly number[];
  /** Bytes are e4m3. */
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** What comes out: floats or positions. */
export interface Output {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** One operation on one set of inputs. */
export interface OpCase {
  readonly name: string;
  readonly equation: string;
  /** What naive code does wrong here. */
  readonly breaks: string;
  readonly numbers: Readonly<Record<string, number | boolean>>;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly run: (ops: Ops) => { readonly y: Output; readonly experts?: Output };
}

/** Uniform numbers −1 … 1, the same everywhere. */
export function numbers(
  shape: readonly number[],
  seed: number,
  f = (x: number, _i: number) => x,
): Input {
  const random = seededRandom(seed);
  const n = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: n }, (_, i) => f(2 * random() - 1, i)) };
}

/** These numbers. */
export const list = (shape: readonly number[], values: readonly number[]): Input => ({
  shape,
  data: Float32Array.from(values),
});

export type Dims2 = [string, string];
export type Dims3 = [string, string, string];

/** An activation. */
export const tensor = <D extends readonly string[]>(ops: Ops, dims: D, { shape, data }: Input) =>
  ops.tensor(dims, shape as never, data) as unknown as Tensor<D>;

/** A parameter. */
export const weight = <D extends readonly string[]>(ops: Ops, dims: D, { shape, data }: Input) =>
  ops.place(dims, shape as never, encodeF32(shape, data)) as never;
