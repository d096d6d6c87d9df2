/**
 * Runs every known mistake on one case.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Pause } from "../case/pause.ts";
import type { Dump } from "../dump/dump.ts";
import { distanceOf } from "../judge/distance.ts";
import { type ForcedRun, runForced } from "../judge/forced.ts";
import { MUTANTS } from "../mutants/all.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { runMutant, unlessBroken } from "../mutants/run-mutant.ts";

/** A run of a wrong model, or one that was made to choose as a dump does. */
export type WrongRun = Pick<ForcedRun, "wanted"> & Partial<ForcedRun>;

/** What a mutant gives on a case. */
export interface MutantRun extends WrongRun {
  readonly mutant: Mutant;
}

/** A dump, and the right model's run with its choices. */
export interface Replay {
  readonly dump: Dump;
  readonly run: ForcedRun;
}

/** A difference below this is rounding of float64. */
const SAME = 1e-12;

/**
 * Runs all mutants in float64; those that change nothing on this case are left out.
 *
 * @param replayed the dump whose choices they make, and the right model's run with them
 */
export async function runMutants(
  expected: Expectation,
  pause: Pause = () => {},
  replayed?: Replay,
): Promise<MutantRun[]> {
  const stages = replayed?.run.wanted ?? expected.stages;
  const runs: MutantRun[] = [];
  for (const [i, mutant] of MUTANTS.entries()) {
    const run = runWrong(mutant, expected, replayed?.dump);
    if (run && [...run.wanted].some(([name, got]) => differs(got, stages.get(name)))) {
      runs.push({ mutant, ...run });
    }
    await pause(i + 1, MUTANTS.length);
  }
  return runs;
}

/**
 * Runs a wrong model, with the choices of a dump where there is one. Undefined where the mistake breaks
 * the run itself. A mistake that shows between steps cannot be run with the dump's choices.
 */
export function runWrong(
  mutant: Pick<Mutant, "change" | "chunk">,
  expected: Expectation,
  dump?: Dump,
): WrongRun | undefined {
  if (dump && mutant.chunk === undefined) {
    return unlessBroken(() =>
      runForced(dump, { ...expected, model: mutant.change(expected.model) }),
    );
  }
  const wanted = runMutant(mutant, expected.model, expected.info);
  return wanted && { wanted };
}

function differs(got: GoldenTensor, want: GoldenTensor | undefined): boolean {
  if (!want || String(got.shape) !== String(want.shape)) return true;
  return !(distanceOf(got.data, want.data, want.data.length).largest <= SAME);
}
