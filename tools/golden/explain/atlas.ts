/**
 * The known mistakes as explanations of the first wrong stage.
 * @module
 */

import { type MutantRun, runWrong } from "../diagnose/mutant-runs.ts";
import { closeness, type OffDump } from "../diagnose/suspects.ts";
import { MUTANTS } from "../mutants/all.ts";
import type { Bug } from "../mutants/bugs.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { runMutant } from "../mutants/run-mutant.ts";
import { firstRows, firstTokens, tokensFor } from "./first-rows.ts";
import type { Role } from "./roles.ts";
import { isGood, matchOf, type Target } from "./target.ts";
import type { Verified } from "./verify.ts";

/** The part of a layer that a bug is in, where it is always the same. */
const PART: Partial<Record<Bug, Role>> = {
  G01: "latentAttention",
  G04: "topK",
  G05: "topK",
  G08: "route",
  G10: "kNorm",
  G12: "indexScores",
  G13: "qRope",
  G14: "idxQRope",
  G15: "idxQSplit",
  G16: "wqB",
  G18: "kNorm",
  G19: "latentAttention",
  G22: "rows",
  G23: "idxKJoin",
  G24: "idxKJoin",
  G27: "topK",
  G28: "indexScores",
  G31: "rows",
  G32: "topK",
  G35: "router",
  G39: "experts",
  G41: "mtpJoin",
};

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
    const { fits, leaves, score } = closeness(off, run);
    if (!fits && !isGood(match)) continue;
    const { bug, what } = mutant;
    const told = { relation: "atlas", what, bug, place: "", role: PART[bug] } as const;
    found.push({ ...told, match, fits, score, leaves: leaves?.name });
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
