/**
 * The backends with which the tests of this folder run: all implementations of `Ops`.
 * @module
 */
import type { Ops } from "../../../engine/ops/ops.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";

/** A backend and how exact it is. */
export interface Backend {
  readonly name: string;
  readonly ops: Ops;
  /** The largest allowed error of a result, as a share of the largest number in it. */
  readonly exactness: number;
  /** Whether sums are made in f64 and rounded once, when they are stored. */
  readonly exactSums: boolean;
}

/** The reference in both precisions, for tests that compare ops of their own with it. */
export const REFERENCES: readonly [f32: Backend, f64: Backend] = [
  { name: "reference f32", ops: referenceOps("f32"), exactness: 2 ** -23, exactSums: true },
  { name: "reference f64", ops: referenceOps("f64"), exactness: 1e-14, exactSums: true },
];

/** The backends that must pass the tests of this folder. To add a backend, put it here. */
export const BACKENDS: readonly Backend[] = [...REFERENCES];
