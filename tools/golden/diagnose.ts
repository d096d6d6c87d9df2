/**
 * Which known mistake makes a dump what it is?
 *
 * Every mutant's run on the case is set beside the dump. A mutant fits when the dump passes the
 * comparison with the mutant's numbers in place of the model's. Mutants are ranked, those that fit
 * first, by the mean over the dump's stages of `log10(1 + (rms error / bound)²)`: a stage that is
 * right counts little, and one that is wrong counts by orders of magnitude, not by its size.
 * @module
 */
import { distanceOf } from "./distance.ts";
import type { Dump, DumpTensor } from "./dump.ts";
import type { Expectation } from "./expectation.ts";
import { judge, type StageResult } from "./judge.ts";
import type { MutantRun } from "./mutant-runs.ts";
import type { EngineClass } from "./pack/arithmetics.ts";

/** A known mistake and how near the dump is to it. */
export interface Suspect {
  readonly id: string;
  readonly what: string;
  readonly fits: boolean;
  /** 0 is equal; see the module's description. */
  readonly score: number;
  /** The dump's first wrong stage beside the mutant's. */
  readonly evidence: StageResult | undefined;
}

/** What is known about a dump. */
export interface Diagnosis {
  /** The first stage that is off the model; without one there is nothing to diagnose. */
  readonly firstOff: string | undefined;
  /** That stage beside the model's. */
  readonly evidence: StageResult | undefined;
  /** The nearest first; empty when nothing is off. */
  readonly suspects: readonly Suspect[];
}

/** Score of a stage that has nothing to do with the mutant's. */
const UNLIKE = 12;

/** Ranks the mutants by their closeness to a dump. */
export function diagnose(
  dump: Dump,
  expected: Expectation,
  kind: EngineClass,
  runs: readonly MutantRun[],
): Diagnosis {
  const { firstOff, stages } = judge(dump, expected, kind);
  if (firstOff === undefined) return { firstOff, evidence: undefined, suspects: [] };
  const suspects = runs.map(({ mutant, stages: wanted }): Suspect => {
    const beside = judge(dump, expected, kind, { wanted, until: firstOff });
    const ours = [...dump].filter(([name]) => expected.stages.has(name) || wanted.has(name));
    const sum = ours.reduce((total, [name, got]) => {
      const want = wanted.get(name);
      return total + (want ? unlike(got, want, expected.bound(name, kind, got.dtype).rms) : UNLIKE);
    }, 0);
    return {
      id: mutant.id,
      what: mutant.what,
      fits: beside.firstOff === undefined,
      score: sum / ours.length,
      evidence: beside.stages.find(({ name }) => name === firstOff),
    };
  });
  suspects.sort((a, b) => Number(b.fits) - Number(a.fits) || a.score - b.score);
  const evidence = stages.find(({ name }) => name === firstOff);
  return { firstOff, evidence, suspects };
}

/** How little one stage of a dump has of a mutant's, 0 … {@link UNLIKE}. */
function unlike(got: DumpTensor, want: Pick<DumpTensor, "shape" | "data">, bound: number): number {
  if (got.data.length !== want.data.length) return UNLIKE;
  if (want.data instanceof Int32Array) {
    const nOther = want.data.filter((x, i) => x !== got.data[i]).length;
    return (UNLIKE * nOther) / want.data.length;
  }
  const { rms } = distanceOf(got.data, want.data, want.data.length);
  return Number.isFinite(rms) ? Math.min(UNLIKE, Math.log10(1 + (rms / bound) ** 2)) : UNLIKE;
}
