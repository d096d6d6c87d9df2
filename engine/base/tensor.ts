/**
 * A tensor is a block of numbers that knows the NAMES of its axes. The compiler checks the names.
 * The operations check the lengths when they are called.
 *
 * Three records, so that no two can be confused: {@link Tensor} holds activations, {@link Indices}
 * holds row numbers, {@link Weight} is a parameter that a backend has placed where it likes.
 *
 * Next: ../config/model-config.ts
 * @module
 */

/** The names of the axes, outermost first, e.g. `["T", "qLora"]`. */
export type Dims = readonly string[];

/** One length per axis. */
export type Shape<D extends Dims> = { readonly [K in keyof D]: number };

/**
 * Storage of activations: f32 by default, f64 when the reference runs as its own oracle. Sums are
 * f64 in both; only the rounding on the store differs.
 */
export type Floats = Float32Array | Float64Array;

/** A row-major array of numbers with named axes. */
export interface Tensor<D extends Dims = Dims> {
  /** Names of the axes, outermost first. */
  readonly dims: Readonly<D>;
  /** Lengths of the axes. */
  readonly shape: Shape<D>;
  /** `shape[0] * shape[1] * …` numbers, last axis fastest. */
  readonly data: Floats;
}

/** Row numbers with named axes, e.g. the cached positions each query may see. */
export interface Indices<D extends Dims = Dims> {
  /** Names of the axes, outermost first. */
  readonly dims: Readonly<D>;
  /** Lengths of the axes. */
  readonly shape: Shape<D>;
  /** The row numbers, last axis fastest; −1 stands for none. */
  readonly data: Int32Array;
}

/** A parameter after `Ops.place`. Only the backend that placed it can read it. */
export interface Weight<D extends Dims = Dims> {
  /** Names of the axes, outermost first. */
  readonly dims: Readonly<D>;
  /** Lengths of the axes. */
  readonly shape: Shape<D>;
  /** {@link Floats} in the reference; the backend's own record elsewhere. */
  readonly home: object;
}

/** Thrown when lengths that must agree do not. The message shows both sides. */
export class ShapeError extends Error {
  /** Name of the class. */
  override readonly name = "ShapeError";
}

/** `[T=2, qLora=4]`, the way every error message and every tap prints a tensor. */
export function describe(t: { readonly dims: Dims; readonly shape: readonly number[] }): string {
  return `[${t.dims.map((d, i) => `${d}=${t.shape[i]}`).join(", ")}]`;
}

/** The index along each axis of the element at a flat index. */
export function coordinates(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (const length of shape.toReversed()) {
    index.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return index;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((n, length) => n * length, 1);
}

/** `n` zeros stored the way `model` is stored (f32 or f64). */
export function floatsLike(model: Floats, n: number): Floats {
  return model instanceof Float64Array ? new Float64Array(n) : new Float32Array(n);
}
