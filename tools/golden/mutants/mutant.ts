/**
 * What a mutant is, and the ways to make one.
 * @module
 */

import type { ModelConfig } from "../../../engine/config/model-config.ts";
import type { Model } from "../../../engine/model/model.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import type { CaseModel } from "../case/case.ts";

/** The engine with one bug put in. */
export interface Mutant {
  /** G-numbers are those of test/README.md; `D6` is a control that no comparison may miss. */
  readonly id: string;
  readonly what: string;
  /** The golden case that shows it. */
  readonly golden: string;
  /** The first recorded stage that must go wrong. */
  readonly stage: string;
  /** Tokens per prefill step, where the bug needs several steps. */
  readonly chunk?: number;
  readonly change: (right: CaseModel) => CaseModel;
}

/** Replaces ops. `right` is the model without the bug. */
export const withOps =
  (change: (ops: Ops, right: Model) => Partial<Ops>) =>
  (right: CaseModel): CaseModel => ({
    ...right,
    ops: { ...right.ops, ...change(right.ops, right) },
  });

/** Replaces fields of the config. */
export const withConfig =
  (change: (config: ModelConfig) => Partial<ModelConfig>) =>
  (right: CaseModel): CaseModel => ({
    ...right,
    config: { ...right.config, ...change(right.config) },
  });
