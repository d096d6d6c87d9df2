/**
 * Every implementation of `Ops`. The tests of this folder run over all of them.
 * @module
 */
import type { Ops } from "../../../engine/ops/ops.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";

/** A backend and how exact it is. */
export interface Backend {
  readonly name: string;
  readonly ops: Ops;
  /** Largest error of a result, as a share of the largest number in it. */
  readonly exactness: number;
  /** Whether sums are f64 and rounded once, on the store. */
  readonly exactSums: boolean;
}

/** The specification in both precisions. Tests that put ops of their own beside it take these. */
export const REFERENCES: readonly [f32: Backend, f64: Backend] = [
  { name: "reference f32", ops: referenceOps("f32"), exactness: 2 ** -23, exactSums: true },
  { name: "reference f64", ops: referenceOps("f64"), exactness: 1e-14, exactSums: true },
];

export const BACKENDS: readonly Backend[] = [...REFERENCES];
