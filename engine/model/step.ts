/**
 * A step is one call of {@link forward}: it runs some tokens from the embedding to the last norm.
 * The record {@link Step} holds what all blocks of one layer have in common in a step. The blocks
 * differ only in their weights, inputs and caches, which are arguments of their own.
 *
 * Next: layer.ts
 * @module
 */

import type { Tap } from "../base/tap.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type RopeTable, ropeTable } from "../numbers/rope-table.ts";
import type { Ops } from "../ops/ops.ts";

/** What the blocks of one layer have in common in one step. */
export interface Step {
  readonly ops: Ops;
  readonly cfg: ModelConfig;
  /** Position of each token. */
  readonly positions: Int32Array;
  /** Rotary angles of these positions. */
  readonly rope: RopeTable;
  /** Sees the stages of this layer. */
  readonly tap: Tap;
}

/** Rotary angles of some positions. One table is made per step, for all layers. */
export function stepRope(ops: Ops, cfg: ModelConfig, positions: Int32Array): RopeTable {
  return ropeTable(positions, cfg.qkRopeHeadDim, cfg.ropeTheta, ops.precision);
}
