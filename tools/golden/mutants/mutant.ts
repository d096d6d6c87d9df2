/**
 * What a mutant is, and the ways to make one.
 * @module
 */

import type { ModelConfig } from "../../../engine/config/model-config.ts";
import type { Model } from "../../../engine/model/model.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import type { CaseModel } from "../case/case.ts";
import type { Bug } from "./bugs.ts";

/** A mistake by name. Several mistakes may be forms of one bug; `what` tells them apart. */
export interface Mistake {
  /** Its number in the atlas. */
  readonly bug: Bug;
  /** What this form of the bug does, in words that no other mutant has. */
  readonly what: string;
}

/** The engine with one mistake put in. */
export interface Mutant extends Mistake {
  /** The golden case that shows it. */
  readonly golden: string;
  /** The first recorded stage that must go wrong. */
  readonly stage: string;
  /** Tokens per prefill step, where the bug needs several steps. */
  readonly chunk?: number;
  /** The engine differs from the reference, and is right all the same. */
  readonly isLegal?: true;
  readonly change: (right: CaseModel) => CaseModel;
}

/** The mistake alone. */
export const mistakeOf = ({ bug, what }: Mistake): Mistake => ({ bug, what });

/** The name of a mistake, which no other has. */
export const nameOf = ({ bug, what }: Mistake): string => `${bug}: ${what}`;

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
