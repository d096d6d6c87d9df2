/**
 * Compares two runs of a model, and finds the first stage that differs.
 * @module
 */
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import type { Trace } from "./run.ts";

/**
 * The first stage of `got`, in the order of the run, that differs from `want`, or undefined if
 * there is none. A stage that is missing in `got` differs; a stage that is missing in `want` is
 * ignored.
 *
 * Numbers may be off by `tolerance` times the largest magnitude of their stage. Indices and
 * infinities must be equal.
 */
export function firstDifference(got: Trace, want: Trace, tolerance: number): string | undefined {
  for (const [name, tensor] of got) {
    const expected = want.get(name);
    if (expected && !close(tensor, expected, tolerance)) return name;
  }
  return [...want.keys()].find((name) => !got.has(name));
}

/** The first stage whose bits differ: 0 and −0 are different, too. */
export function firstOtherBits(got: Trace, want: Trace): string | undefined {
  return firstDifference(got, want, 0);
}

function close(a: NamedTensor, b: NamedTensor, tolerance: number): boolean {
  if (a.shape.join() !== b.shape.join()) return false;
  const isIndex = a.data instanceof Int32Array;
  if (isIndex || tolerance === 0) return a.data.every((x, i) => Object.is(x, b.data[i]));
  const limit = tolerance * largest(b.data);
  return a.data.every((x, i) => Object.is(x, b.data[i]) || Math.abs(x - b.data[i]) <= limit);
}

/** The largest finite magnitude. */
export function largest(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) max = Math.max(max, Math.abs(values[i]));
  }
  return max;
}

/** The largest difference of two lists, divided by the largest magnitude of `want`. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let max = 0;
  for (let i = 0; i < want.length; i++) {
    if (got[i] !== want[i]) max = Math.max(max, Math.abs(got[i] - want[i]));
  }
  return max / largest(want);
}

/** The bits of numbers as f32. */
export function bitsOf(data: ArrayLike<number>): Uint32Array {
  return new Uint32Array(Float32Array.from(data).buffer);
}
