/**
 * Which known mistake makes a dump what it is?
 *
 * Every mutant's run on the case is set beside the dump, and the mutants are ranked by how near
 * they are: those that fit first. When none fits, two at once are tried.
 *
 * Next: pairs.ts
 * @module
 */

import type { EngineClass } from "../case/engine-class.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Dump } from "../dump/dump.ts";
import { judge, type StageResult } from "../judge/judge.ts";
import type { MutantRun } from "./mutant-runs.ts";
import { findPairs, type Pair } from "./pairs.ts";
import { type Closeness, closeness } from "./suspects.ts";

/** A known mistake and how near the dump is to it. */
export interface Suspect extends Closeness {
  readonly id: string;
  readonly what: string;
}

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
}

/** Ranks the mutants by their closeness to a dump; runs two at once where no one fits. */
export function diagnose(
  dump: Dump,
  expected: Expectation,
  kind: EngineClass,
  runs: readonly MutantRun[],
  onProgress: (done: number, total: number) => void = () => {},
): Diagnosis {
  const { firstOff, stages } = judge(dump, expected, kind);
  if (firstOff === undefined) return { firstOff, evidence: undefined, suspects: [], pairs: [] };
  const evidence = stages.find(({ name }) => name === firstOff);
  const off = { dump, expected, kind, firstOff, evidence };
  const ranked = runs
    .map((run) => ({ ...run, ...closeness(off, run.stages) }))
    .sort((a, b) => Number(b.fits) - Number(a.fits) || a.score - b.score);
  return {
    firstOff,
    evidence,
    suspects: ranked.map(({ mutant: { id, what }, stages: _, ...near }) => ({ id, what, ...near })),
    pairs: ranked[0]?.fits ? [] : findPairs(off, ranked, onProgress),
  };
}
