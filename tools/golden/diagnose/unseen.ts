/**
 * Which known mistakes would a dump not show? A class of engines that rounds much has wide bounds, and a
 * mistake that moves no stage of the dump beyond them cannot be told from rounding. A dump that is
 * right says nothing about these.
 * @module
 */
import { asDump } from "../dump/as-dump.ts";
import { type Judged, judge } from "../judge/judge.ts";
import { type Mistake, mistakeOf } from "../mutants/mutant.ts";
import type { MutantRun } from "./mutant-runs.ts";

/** The mistakes whose stages, as far as the dump has them, are within the bounds of its class. */
export function unseen(
  { dump, expected, kind, replayed }: Judged,
  runs: readonly MutantRun[],
): Mistake[] {
  const isSeen = ({ wanted }: MutantRun): boolean => {
    const shown = [...wanted].filter(([name]) => dump.has(name));
    const alone = asDump(shown.map(([name, tensor]) => ({ name, ...tensor })));
    return judge(alone, expected, kind, { ...replayed, until: "" }).firstOff !== undefined;
  };
  return runs.filter((run) => !isSeen(run)).map(({ mutant }) => mistakeOf(mutant));
}
