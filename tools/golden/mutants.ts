/**
 * All mutants. `test/model/mutants.test.ts` shows for each that the right engine passes the
 * comparison and the mutant does not.
 * @module
 */
import { attentionMutants } from "./mutants/attention.ts";
import { indexerMutants } from "./mutants/indexer.ts";
import { moeMutants } from "./mutants/moe.ts";
import { mtpMutants } from "./mutants/mtp.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { selectionMutants } from "./mutants/selection.ts";
import { weightMutants } from "./mutants/weights.ts";

export const MUTANTS: readonly Mutant[] = [
  ...attentionMutants,
  ...indexerMutants,
  ...selectionMutants,
  ...moeMutants,
  ...mtpMutants,
  ...weightMutants,
];
