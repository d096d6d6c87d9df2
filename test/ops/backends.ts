/**
 * Every implementation of `Ops`. The tests of this folder run over all of them.
 * @module
 */
import type { Ops } from "../../engine/ops/ops.ts";
import { referenceOps } from "../../engine/ops/reference/index.ts";

/** A backend and how exact it is. */
export interface Backend {
  readonly name: string;
  readonly ops: Ops;
  /** Largest error of a result of magnitude 1 that is computed from inputs of magnitude 1. */
  readonly exactness: number;
}

export const BACKENDS: readonly Backend[] = [
  { name: "reference f32", ops: referenceOps("f32"), exactness: 2 ** -23 },
  { name: "reference f64", ops: referenceOps("f64"), exactness: 1e-14 },
];
