/**
 * Runs every known mistake on one case.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Pause } from "../case/pause.ts";
import { distanceOf } from "../judge/distance.ts";
import { MUTANTS } from "../mutants/all.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { runMutant } from "../mutants/run-mutant.ts";

/** What a mutant gives on a case. */
export interface MutantRun {
  readonly mutant: Mutant;
  readonly stages: ReadonlyMap<string, GoldenTensor>;
}

/** A difference below this is rounding of float64. */
const SAME = 1e-12;

/** Runs all mutants in float64; those that change nothing on this case are left out. */
export async function runMutants(
  { model, info, stages }: Expectation,
  pause: Pause = () => {},
): Promise<MutantRun[]> {
  const runs: MutantRun[] = [];
  for (const [i, mutant] of MUTANTS.entries()) {
    const run = runMutant(mutant, model, info);
    if (run && [...run].some(([name, got]) => differs(got, stages.get(name)))) {
      runs.push({ mutant, stages: run });
    }
    await pause(i + 1, MUTANTS.length);
  }
  return runs;
}

function differs(got: GoldenTensor, want: GoldenTensor | undefined): boolean {
  if (!want || String(got.shape) !== String(want.shape)) return true;
  return !(distanceOf(got.data, want.data, want.data.length).largest <= SAME);
}
