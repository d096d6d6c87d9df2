/**
 * How near is a dump to what a known mistake gives?
 *
 * A mistake fits when the dump passes the comparison with the mistake's numbers in place of the
 * model's. Its score is the mean over the dump's stages of `log10(1 + (rms error / bound)²)`: a
 * stage that is right counts little, and one that is wrong counts by orders of magnitude, not by
 * its size.
 *
 * Next: diagnose.ts
 * @module
 */
import type { Bounds } from "./bounds.ts";
import type { GoldenTensor } from "./case.ts";
import { distanceOf } from "./distance.ts";
import type { Dump, DumpTensor } from "./dump.ts";
import type { Expectation } from "./expectation.ts";
import { judge, type StageResult } from "./judge.ts";
import type { EngineClass } from "./pack/arithmetics.ts";

/** A dump that is off. */
export interface OffDump {
  readonly dump: Dump;
  readonly expected: Expectation;
  readonly kind: EngineClass;
  /** The first stage that is off. */
  readonly firstOff: string;
}

/** How near a dump is to some wrong run. */
export interface Closeness {
  readonly fits: boolean;
  /** 0 is equal; see the module's description. */
  readonly score: number;
  /** The dump's first wrong stage beside the run's. */
  readonly evidence: StageResult | undefined;
  /** The first stage where the dump is not what the run gives. */
  readonly leaves: string | undefined;
}

/** Score of a stage that has nothing to do with the run's. */
const UNLIKE = 12;

/** The envelope is that of the right model; a wrong one may carry rounding further. */
const ROOM = 2;

/** Compares a dump with a wrong run. */
export function closeness(
  { dump, expected: right, kind, firstOff }: OffDump,
  wanted: ReadonlyMap<string, GoldenTensor>,
): Closeness {
  const bound: Bounds = (...about) => {
    const { rms, largest } = right.bound(...about);
    return { rms: ROOM * rms, largest: ROOM * largest };
  };
  const expected = { ...right, bound };
  const beside = judge(dump, expected, kind, { wanted, until: firstOff });
  const ours = [...dump].filter(([name]) => expected.stages.has(name) || wanted.has(name));
  const sum = ours.reduce((total, [name, got]) => {
    const want = wanted.get(name);
    return total + (want ? unlike(got, want, expected.bound(name, kind, got.dtype).rms) : UNLIKE);
  }, 0);
  return {
    fits: beside.firstOff === undefined,
    score: sum / ours.length,
    evidence: beside.stages.find(({ name }) => name === firstOff),
    leaves: beside.firstOff,
  };
}

/** How little one stage of a dump has of a run's, 0 … {@link UNLIKE}. */
function unlike(got: DumpTensor, want: GoldenTensor, bound: number): number {
  if (got.data.length !== want.data.length) return UNLIKE;
  if (want.data instanceof Int32Array) {
    const nOther = want.data.filter((x, i) => x !== got.data[i]).length;
    return (UNLIKE * nOther) / want.data.length;
  }
  const { rms } = distanceOf(got.data, want.data, want.data.length);
  return Number.isFinite(rms) ? Math.min(UNLIKE, Math.log10(1 + (rms / bound) ** 2)) : UNLIKE;
}
