/**
 * The known mistakes as explanations of the first wrong stage.
 * @module
 */

import { type MutantRun, runWrong } from "../diagnose/mutant-runs.ts";
import { beside, type OffDump } from "../diagnose/suspects.ts";
import { MUTANTS } from "../mutants/all.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { runMutant } from "../mutants/run-mutant.ts";
import { firstRows, firstTokens, tokensFor } from "./first-rows.ts";
import { isGood, matchOf, type Target } from "./target.ts";
import type { Verified } from "./verify.ts";

/** The known mistakes that explain the stage, or the whole dump. */
export async function atlas(
  off: OffDump,
  target: Target | undefined,
  runs: readonly MutantRun[] | undefined,
): Promise<Verified[]> {
  const found: Verified[] = [];
  for (const mutant of MUTANTS) {
    const known = runs?.find((run) => run.mutant === mutant);
    if (runs ? !known : !mayExplain(off, target, mutant)) continue;
    const run = known ?? runWrong(mutant, off.expected, off.replayed && off.dump);
    if (!run) continue;
    const match = target
      ? matchOf(target, run.wanted.get(off.firstOff))
      : { share: 0, isExact: false, isPartial: false };
    const { fits, leaves } = beside(off, run);
    if (!fits && !isGood(match)) continue;
    const { bug, what } = mutant;
    const told = { relation: "atlas", what, bug, place: "", role: undefined } as const;
    found.push({ ...told, match, fits, leaves: leaves?.name });
  }
  return found;
}

/** Whether a mistake explains the first rows that are off: a short run, to spare a long one. */
function mayExplain(
  { expected: { model, info }, replayed }: OffDump,
  target: Target | undefined,
  mutant: Mutant,
): boolean {
  if (!target || replayed) return true;
  const nT = tokensFor(target, info, model.config.numHiddenLayers);
  if (nT >= info.tokens.length) return true;
  const made = runMutant(mutant, model, firstTokens(info, nT))?.get(target.stage);
  return isGood(matchOf(firstRows(target, nT), made));
}
