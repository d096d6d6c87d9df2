/**
 * Which two known mistakes at once make a dump what it is?
 *
 * All pairs would be too many to run, so the search looks where a pair can be:
 *
 * 1. The first mistake must begin at the stage where the dump leaves the model. Of those that do, the
 *    ones that explain the dump the furthest are tried first, {@link FIRSTS} at most.
 * 2. The second mistake is put in on top of the first. It must begin no later than where the first
 *    ceases to explain the dump, and it must explain that stage.
 * 3. Each pair is run in one order. Only when no pair fits are they run in the other order, where
 *    that can be another engine: of two mistakes in one operation the later may undo the earlier.
 * 4. The search ends with the first mistake for which a pair fits. Others that are the same
 *    arithmetic on this case are tried too.
 * @module
 */
import type { Model } from "../../../engine/index.ts";
import { isDraftStage, parseStage } from "../../../engine/trace/stage-names.ts";
import type { CaseInfo } from "../case/case.ts";
import type { Pause } from "../case/pause.ts";
import { asDump } from "../dump/as-dump.ts";
import { judge } from "../judge/judge.ts";
import { type Mistake, type Mutant, mistakeOf } from "../mutants/mutant.ts";
import { type MutantRun, runWrong } from "./mutant-runs.ts";
import { beside, type Closeness, closeness, type OffDump } from "./suspects.ts";

/** Two mistakes that together give a dump. */
export interface Pair extends Closeness {
  /** The mistake that shows first, and the other one. */
  readonly mistakes: readonly [Mistake, Mistake];
  /** Where the dump is no longer what the first alone would give. */
  readonly secondAt: string;
}

/** How many mistakes are tried as the first of two. */
const FIRSTS = 12;

type RankedRun = MutantRun & Closeness;

/** The pairs that fit, the nearest first. */
export async function findPairs(
  off: OffDump,
  runs: readonly RankedRun[],
  pause: Pause = () => {},
): Promise<Pair[]> {
  const { dump, expected, firstOff } = off;
  const order = [...expected.stages.keys()].filter((name) => dump.has(name));
  const at = (stage: string | undefined): number =>
    stage !== undefined && order.includes(stage) ? order.indexOf(stage) : order.length;
  const begins = new Map(runs.map((run) => [run, at(beginning(off, run))]));
  const firsts = runs
    .filter((run) => begins.get(run) === at(firstOff))
    .sort((a, b) => at(b.leaves?.name) - at(a.leaves?.name) || a.score - b.score)
    .slice(0, FIRSTS);
  const rounds = [false, true].flatMap((isTurned) => firsts.map((first) => ({ first, isTurned })));
  const secondsOf = (first: RankedRun): RankedRun[] =>
    runs.filter((run) => {
      const begin = begins.get(run) as number;
      return run !== first && begin >= at(firstOff) && begin <= at(first.leaves?.name);
    });
  const info = shownInfo(off);
  const pairs: Pair[] = [];
  let found: (typeof rounds)[number] | undefined;
  for (const [i, { first, isTurned }] of rounds.entries()) {
    if (found && (found.isTurned !== isTurned || !isEqual(found.first, first))) break;
    const second = first.leaves
      ? { ...off, firstOff: first.leaves.name, evidence: first.leaves }
      : off;
    const seconds = secondsOf(first);
    for (const [j, { mutant }] of seconds.entries()) {
      await pause(i + j / seconds.length, rounds.length);
      if (isTurned && !isOrdered(first.mutant, mutant, expected.model)) continue;
      const both = isTurned ? onTop(mutant, first.mutant) : onTop(first.mutant, mutant);
      const run = runWrong(both, { ...expected, info }, off.replayed && dump);
      // The pair must fit the whole dump, and the second mistake what the first does not explain.
      if (!run || !beside(off, run).fits || !beside(second, run).fits) continue;
      const mistakes = [mistakeOf(first.mutant), mistakeOf(mutant)] as const;
      pairs.push({ mistakes, secondAt: second.firstOff, ...closeness(off, run) });
    }
    if (pairs.length > 0) found ??= { first, isTurned };
  }
  return pairs.sort((a, b) => a.score - b.score);
}

/** What to run for a dump: without the MTP layer where it shows none of its stages. */
function shownInfo({ dump, expected: { info, model } }: OffDump): CaseInfo {
  const isShown = [...dump.keys()].map(parseStage).some(({ stage, number }) => {
    return isDraftStage(stage) || number === model.config.numHiddenLayers;
  });
  return isShown ? info : { ...info, mtpSteps: undefined };
}

/** Whether two mistakes are the same arithmetic on this case. */
const isEqual = (a: Closeness, b: Closeness): boolean =>
  a.leaves?.name === b.leaves?.name && Math.abs(a.score - b.score) < 1e-9;

/** The engine of the first mistake with the second put in as well. */
function onTop(first: Mutant, second: Mutant): Pick<Mutant, "change" | "chunk"> {
  const chunk = first.chunk ?? second.chunk;
  return {
    change: (right) => second.change(first.change(right)),
    ...(chunk !== undefined && { chunk }),
  };
}

/** Whether two mistakes may give another engine when they are put in the other way round. */
function isOrdered(a: Mutant, b: Mutant, right: Model): boolean {
  const [x, y] = [a.change(right), b.change(right)];
  if (x.config !== right.config || y.config !== right.config) return true;
  const ops = Object.keys(right.ops) as (keyof Model["ops"])[];
  const isShared = ops.some((op) => x.ops[op] !== right.ops[op] && y.ops[op] !== right.ops[op]);
  return isShared || (a.chunk !== undefined && b.chunk !== undefined);
}

/** The first stage of the dump where a mistake alone leaves the model. */
function beginning({ dump, expected, kind, firstOff, replayed }: OffDump, run: MutantRun) {
  const shown = [...run.wanted].filter(([name]) => dump.has(name));
  const alone = asDump(shown.map(([name, tensor]) => ({ name, ...tensor })));
  return judge(alone, expected, kind, { ...replayed, until: firstOff }).firstOff;
}
