/**
 * All mutants. test/tools/golden/mutants/mutants.test.ts shows for each that the right engine passes
 * the comparison with HF transformers and that the mutant does not.
 * @module
 */
import { attentionMutants } from "./attention.ts";
import { indexerMutants } from "./indexer.ts";
import { moeMutants } from "./moe.ts";
import { mtpMutants } from "./mtp.ts";
import type { Mutant } from "./mutant.ts";
import { selectionMutants } from "./selection.ts";
import { weightMutants } from "./weights.ts";

export const MUTANTS: readonly Mutant[] = [
  ...attentionMutants,
  ...indexerMutants,
  ...selectionMutants,
  ...moeMutants,
  ...mtpMutants,
  ...weightMutants,
];

/** Those that are mistakes. */
export const MISTAKES: readonly Mutant[] = MUTANTS.filter(({ isLegal }) => !isLegal);
