/**
 * Which known mistake makes a dump what it is?
 *
 * 1. A dump of which no stage is off needs no diagnosis. In a class that rounds more than f32, the
 *    mistakes that it would not show are named (unseen.ts).
 * 2. Every mutant is run on the case (mutant-runs.ts).
 * 3. The mutants are ranked by how near the dump is to their runs (suspects.ts). Those whose numbers
 *    the dump has fit; they come first.
 * 4. Where no mutant fits, two mistakes at once are tried (pairs.ts).
 *
 * Next: suspects.ts, pairs.ts
 * @module
 */
import type { EngineClass } from "../case/engine-class.ts";
import type { Pause } from "../case/pause.ts";
import type { Judged, StageResult } from "../judge/judge.ts";
import { type Mistake, mistakeOf } from "../mutants/mutant.ts";
import { type MutantRun, runMutants } from "./mutant-runs.ts";
import { findPairs, type Pair } from "./pairs.ts";
import { type Closeness, closeness } from "./suspects.ts";
import { unseen } from "./unseen.ts";

/** A known mistake and how near the dump is to it. */
export interface Suspect extends Mistake, Closeness {}

/** What is known about a dump. */
export interface Diagnosis {
  /** The first stage that is off the model; without one there is nothing to diagnose. */
  readonly firstOff: string | undefined;
  /** That stage beside the model's. */
  readonly evidence: StageResult | undefined;
  /** The nearest first; empty when nothing is off. */
  readonly suspects: readonly Suspect[];
  /** Pairs of mistakes that fit, when no suspect does. */
  readonly pairs: readonly Pair[];
  /** Of a dump of which nothing is off: the mistakes that are within the noise of its class. */
  readonly unseen: readonly Mistake[];
  /** The class that the dump was judged as. */
  readonly engineClass: EngineClass;
}

/** How a diagnosis goes about it. */
export interface DiagnoseOptions {
  /** What {@link runMutants} gives for the case, where it is known already. */
  readonly runs?: readonly MutantRun[];
  /** Whether two mistakes at once are tried where no one fits. Default: they are. */
  readonly withPairs?: boolean;
  /** Is called for each mistake that is run. */
  readonly onMistake?: Pause;
  /** Is called for each mistake that is tried as the first of two. */
  readonly onPair?: Pause;
}

/** Ranks the mutants by how near a judged dump is to them. Runs two at once where no one fits. */
export async function diagnose(judged: Judged, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { firstOff, stages } = judged.judgement;
  const { dump, expected, replayed, kind: engineClass } = judged;
  const nothing = { evidence: undefined, suspects: [], pairs: [], unseen: [], engineClass };
  if (firstOff === undefined && engineClass === "f32") return { firstOff, ...nothing };
  const replay = replayed && { dump, run: replayed };
  const runs = options.runs ?? (await runMutants(expected, options.onMistake, replay));
  if (firstOff === undefined) return { firstOff, ...nothing, unseen: unseen(judged, runs) };
  const evidence = stages.find(({ name }) => name === firstOff);
  const off = { ...judged, firstOff, evidence };
  const ranked = runs
    .map((run) => ({ ...run, ...closeness(off, run) }))
    .sort((a, b) => Number(b.fits) - Number(a.fits) || a.score - b.score);
  return {
    ...{ firstOff, evidence, engineClass, unseen: [] },
    suspects: ranked.map(({ mutant, fits, score, evidence: beside, leaves }) => ({
      ...{ ...mistakeOf(mutant), fits, score },
      ...{ evidence: beside, leaves },
    })),
    pairs:
      ranked[0]?.fits || !(options.withPairs ?? true)
        ? []
        : await findPairs(off, ranked, options.onPair),
  };
}
