/**
 * How near is a dump to what a known mistake gives?
 *
 * A mistake fits when the dump passes the comparison with the mistake's numbers in place of the
 * model's, and is much nearer to them than to the model where it is off. The second condition is
 * there because a small mistake is near the model, and must not be blamed for what is hardly off.
 *
 * The score of a mistake is the mean over the dump's stages of `log10(1 + (rms error / bound)²)`. So
 * a stage that is right counts little, and one that is wrong counts by its orders of magnitude.
 * @module
 */

import type { Bounds } from "../case/bounds.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { DumpTensor } from "../dump/dump.ts";
import { distanceOf } from "../judge/distance.ts";
import { type Judged, judge, type StageResult } from "../judge/judge.ts";
import { firstOtherRow } from "../judge/row-sets.ts";
import type { WrongRun } from "./mutant-runs.ts";

/** A dump that is off. */
export interface OffDump extends Judged {
  /** The first stage that is off. */
  readonly firstOff: string;
  /** That stage beside the model's. */
  readonly evidence: StageResult | undefined;
}

/** A dump beside some wrong run. */
export interface Beside {
  /** Whether the dump is what the wrong run gives. */
  readonly fits: boolean;
  /** The dump's first wrong stage beside the run's. */
  readonly evidence: StageResult | undefined;
  /** The first stage where the dump is not what the run gives. */
  readonly leaves: StageResult | undefined;
}

/** How near a dump is to some wrong run. */
export interface Closeness extends Beside {
  /** 0 for a dump that is equal to the run. The description of the module defines it. */
  readonly score: number;
}

/** The score of a stage that has nothing in common with the run's. */
const UNLIKE = 12;

/** Bounds are this many times as wide here, because a wrong model may carry rounding further. */
const ROOM = 2;

/** The model must be this many times as far from the first wrong stage as a mistake that fits. */
const NEARER = 2;

/** The bound of each stage, as wide as it is here. */
const widened =
  (right: Bounds): Bounds =>
  (...about) => {
    const { rms, largest } = right(...about);
    return { rms: ROOM * rms, largest: ROOM * largest };
  };

/** Puts a dump beside a wrong run, as far as it takes to see whether it fits. */
export function beside(off: OffDump, run: WrongRun): Beside {
  const { dump, expected, kind, firstOff, evidence } = off;
  const wide = { ...expected, bound: widened(expected.bound) };
  const judged = judge(dump, wide, kind, { ...run, until: firstOff });
  const atFirst = judged.stages.find(({ name }) => name === firstOff);
  // Where the model masks and the dump does not, the model's distance is no number.
  const isNoNearer =
    atFirst?.distance && NEARER * atFirst.distance.rms > (evidence?.distance?.rms ?? Infinity);
  return {
    fits: judged.firstOff === undefined && !isNoNearer && isOffWithin(off, atFirst?.rows),
    evidence: atFirst,
    leaves: judged.stages.find(({ name }) => name === judged.firstOff),
  };
}

/**
 * Whether the dump is off the model within the first `rows` rows of its first wrong stage. A wrong run
 * may have turned a choice before the rows that are off. Then these are not compared with it, and
 * nothing speaks for the mistake.
 */
function isOffWithin(
  { dump, expected, kind, firstOff, replayed }: OffDump,
  rows?: number,
): boolean {
  const [got, want] = [dump.get(firstOff), (replayed?.wanted ?? expected.stages).get(firstOff)];
  if (rows === undefined || !got || !want || rows >= want.shape[0]) return true;
  if (want.data instanceof Int32Array) return firstOtherRow(got, want) < rows;
  const n = (rows * want.data.length) / want.shape[0];
  const { rms, largest } = distanceOf(got.data, want.data, n);
  const bound = expected.bound(firstOff, kind, got.dtype);
  return !(rms <= bound.rms && largest <= bound.largest);
}

/** Compares a dump with a wrong run. */
export function closeness(off: OffDump, run: WrongRun): Closeness {
  const { wanted } = run;
  const { dump, expected, kind } = off;
  const bound = widened(expected.bound);
  const known = [...dump].filter(([name]) => expected.stages.has(name) || wanted.has(name));
  const sum = known.reduce((total, [name, got]) => {
    const want = wanted.get(name);
    return total + (want ? unlike(got, want, bound(name, kind, got.dtype).rms) : UNLIKE);
  }, 0);
  return { ...beside(off, run), score: sum / known.length };
}

/** How unlike one stage of a dump is to the same stage of a run: 0 for equal, at most {@link UNLIKE}. */
function unlike(got: DumpTensor, want: GoldenTensor, bound: number): number {
  if (got.data.length !== want.data.length) return UNLIKE;
  if (want.data instanceof Int32Array) {
    const nOther = want.data.filter((x, i) => x !== got.data[i]).length;
    return (UNLIKE * nOther) / want.data.length;
  }
  const { rms } = distanceOf(got.data, want.data, want.data.length);
  return Number.isFinite(rms) ? Math.min(UNLIKE, Math.log10(1 + (rms / bound) ** 2)) : UNLIKE;
}
