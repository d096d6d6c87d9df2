/**
 * What a changed model does.
 * @module
 */
import type { ReadAsk, TokenFacts } from "./text.ts";

/** Asks what some switches would change. */
export interface WhatIfAsk extends ReadAsk {
  /** Ids of {@link SwitchFacts}; several count together. */
  readonly switches: readonly string[];
  /** How many rows a query may attend to; undefined leaves the model's number. */
  readonly k?: number;
  /** How many tokens both models write after the text. */
  readonly count: number;
  /** Whether to ask the six questions, too; that reads six more endings. */
  readonly recall?: boolean;
}

/** What the switches changed. */
export interface WhatIf {
  /** The first stage that differs in any bit, in the order of the model; undefined for none. */
  readonly stage: string | undefined;
  /** The first position where it differs. */
  readonly stageAt: number | undefined;
  /** Why nothing differs, where that is known. */
  readonly why: "short" | undefined;
  /** How many tokens were read: fewer than the text has where a switch has a limit. */
  readonly read: number;
  /** What the model writes, greedily, and what the changed one writes. */
  readonly right: readonly TokenFacts[];
  readonly changed: readonly TokenFacts[];
  /** Index of the first token that differs; undefined when they write the same. */
  readonly tokenAt: number | undefined;
  /** Mean of |Δ log p| of the text's own tokens, in nats. */
  readonly meanLogP: number;
  /** Mean of log p of the text's own tokens: of the model, and of the changed one. */
  readonly logP: number;
  readonly changedLogP: number;
  /** How many of the six questions each answers; undefined when they were not asked. */
  readonly recall:
    | { readonly right: number; readonly changed: number; readonly of: number }
    | undefined;
  readonly milliseconds: number;
}
