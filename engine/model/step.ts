/**
 * What stays the same while a step runs through one layer.
 *
 * A step is one call of {@link forward}: some tokens that follow each other, from the embedding to the
 * last norm. Its blocks differ in their weights, inputs and caches, and have all of this in common.
 *
 * Next: layer.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { type RopeTable, ropeTable } from "../numbers/rope-table.ts";
import type { Ops } from "../ops/ops.ts";
import type { Tap } from "../tap.ts";

/** One step, as one layer sees it. */
export interface Step {
  readonly ops: Ops;
  readonly cfg: ModelConfig;
  /** Absolute position of the step's first token. */
  readonly start: number;
  /** Angles of the step's positions. */
  readonly rope: RopeTable;
  /** Sees the stages of this layer. */
  readonly tap: Tap;
}

/** The angles for `nT` tokens from position `start` on: made once, used by every layer. */
export function stepRope(ops: Ops, cfg: ModelConfig, start: number, nT: number): RopeTable {
  return ropeTable(start, nT, cfg.qkRopeHeadDim, cfg.ropeTheta, ops.precision);
}
