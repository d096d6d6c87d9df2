/**
 * Why is the first wrong stage of a dump what it is?
 *
 * The inputs of that stage are right, so what is wrong is between them and it. The known mistakes
 * (atlas.ts), relations that are fitted to the stage (fitted/), and variants of the operations on the way
 * to it (variants/) are tried. Of those that explain it, the ones are told that explain the whole dump;
 * then those that leave nothing but rounding; then those that explain the largest share. Where two do
 * as well as each other, both are told, the simpler one first.
 *
 * Next: search.ts, verify.ts, explanation-text.ts
 * @module
 */
import type { Pause } from "../case/pause.ts";
import type { MutantRun } from "../diagnose/mutant-runs.ts";
import type { OffDump } from "../diagnose/suspects.ts";
import type { Judged } from "../judge/judge.ts";
import { atlas } from "./atlas.ts";
import { type Explanation, tell } from "./explanation.ts";
import { cutStages, firstRows, firstTokens, tokensFor } from "./first-rows.ts";
import { fitted } from "./fitted/all.ts";
import type { Stages } from "./roles.ts";
import { Runner } from "./runner.ts";
import { again, beginOf, type Field, type Found, LITTLE_WORK, search } from "./search.ts";
import { type Target, targetOf } from "./target.ts";
import { tuned } from "./tuned.ts";
import { VARIANTS } from "./variants/all.ts";
import { verified } from "./verify.ts";

/** A stage that is off by more, in bounds, does not come from what no earlier stage shows. */
const SMALL = 100;

/** How an explanation is searched. */
export interface ExplainOptions {
  /** The runs of all known mistakes, where they are there. */
  readonly runs?: readonly MutantRun[];
  /** Is called between two tries. */
  readonly pause?: Pause;
}

/** Explains the first wrong stage; undefined where none is wrong. */
export async function explain(
  judged: Judged,
  { runs, pause }: ExplainOptions = {},
): Promise<Explanation | undefined> {
  const { expected, judgement } = judged;
  const { firstOff } = judgement;
  if (firstOff === undefined) return undefined;
  const evidence = judgement.stages.find(({ name }) => name === firstOff);
  const off: OffDump = { ...judged, firstOff, evidence };
  const plain = new Runner(expected.model, expected.info, forcedBy(off));
  const ground = groundOf(off, plain);
  const known = await atlas(off, targetIn(off, plain), runs);
  const found = known.some(({ fits, match }) => fits && match.isExact)
    ? []
    : await foundIn(off, ground, plain, pause);
  await pause?.(1, 1);
  return tell(off, ground.target, plain, [...known, ...verified(off, plain, found)]);
}

/** Variants and relations that explain the stage. */
async function foundIn(
  off: OffDump,
  ground: Ground,
  plain: Runner,
  pause: Pause | undefined,
): Promise<Found[]> {
  const begin = beginOf(plain, off, off.firstOff);
  const relations = ground.target ? fitted(ground.runner, ground.target) : [];
  const near = [...(await searched(off, ground, begin, pause)), ...relations];
  const isSmall = (off.evidence?.errorOverBound ?? 0) < SMALL;
  if (begin === 0 || !isSmall || near.some(({ match }) => match.isExact)) return near;
  // What is too small to be seen in earlier stages may begin before them.
  return [...near, ...(await searched(off, ground, 0, pause))];
}

/** The choices of the dump that the model was made to share, where it was, but for the wrong one. */
function forcedBy({ dump, replayed, firstOff }: OffDump): Stages {
  const names = [...(replayed?.forced ?? [])].filter((name) => name !== firstOff);
  return stagesOf(dump, names);
}

const stagesOf = (dump: OffDump["dump"], names: readonly string[]): Stages =>
  new Map(
    names.flatMap((name) => {
      const tensor = dump.get(name);
      return tensor ? [[name, tensor] as const] : [];
    }),
  );

/** The run that the wrong stage is compared with. */
interface Ground {
  readonly runner: Runner;
  readonly seeds: Stages;
  readonly target: Target | undefined;
}

/**
 * With the stages that the dump has right in place of the model's, where engines of the class round more
 * than a little. But where the wrong stage is right beside these, what is wrong came before it, and is
 * too small to be seen there: then without them.
 */
function groundOf(off: OffDump, plain: Runner): Ground {
  const seeds = seedsOf(off);
  if (seeds.size > 0) {
    const runner = new Runner(off.expected.model, off.expected.info, seeds);
    const target = targetIn(off, runner);
    if (target && target.off.length > 0) return { runner, seeds, target };
  }
  return { runner: plain, seeds: forcedBy(off), target: targetIn(off, plain) };
}

function seedsOf(off: OffDump): Stages {
  const { dump, judgement, firstOff, kind } = off;
  const names: string[] = [];
  for (const { name, verdict } of judgement.stages) {
    if (name === firstOff) break;
    const isChoice = dump.get(name)?.data instanceof Int32Array;
    if (verdict === "explained" ? isChoice : verdict === "ok" && kind !== "f32") names.push(name);
  }
  return new Map([...forcedBy(off), ...stagesOf(dump, names)]);
}

/** The wrong stage beside a run; undefined where the two have not the same shape. */
function targetIn(
  { dump, expected, kind, firstOff, evidence }: OffDump,
  runner: Runner,
): Target | undefined {
  const [got, want] = [dump.get(firstOff), runner.stages.get(firstOff)];
  if (!got || !want) return undefined;
  const isChoice = want.data instanceof Int32Array;
  const isComparable = isChoice
    ? got.data instanceof Int32Array && got.data.length % want.shape[0] === 0
    : got.data.length === want.data.length;
  if (!isComparable) return undefined;
  const shape = isChoice ? [want.shape[0], got.data.length / want.shape[0]] : want.shape;
  const rows = evidence?.rows ?? want.shape[0];
  const bound = expected.bound(firstOff, kind, got.dtype);
  return targetOf(firstOff, { shape, data: got.data }, want, bound, rows);
}

async function searched(
  { expected: { model, info } }: OffDump,
  { runner, seeds, target }: Ground,
  begin: number,
  pause: Pause | undefined,
): ReturnType<typeof search> {
  if (!target) return [];
  const nT = tokensFor(target, info, model.config.numHiddenLayers);
  const whole = { runner, target, begin };
  if (nT >= info.tokens.length) return searchAndTune(whole, whole, pause);
  const few = new Runner(model, firstTokens(info, nT), cutStages(seeds, nT));
  const want = few.stages.get(target.stage);
  if (!want) return [];
  const found = await searchAndTune(
    { runner: few, target: firstRows(target, nT, want), begin },
    whole,
    pause,
  );
  if (found.some(({ match }) => match.isExact)) return found;
  // Some look at later tokens.
  return [...found, ...(await search(whole, VARIANTS, pause, LITTLE_WORK))];
}

/** Variants as they are, and with numbers of their own where none leaves nothing but rounding. */
async function searchAndTune(
  field: Field,
  whole: Field,
  pause: Pause | undefined,
): Promise<Found[]> {
  const found = again(whole, await search(field, VARIANTS, pause));
  return found.some(({ match }) => match.isExact)
    ? found
    : [...found, ...again(whole, tuned(field))];
}
