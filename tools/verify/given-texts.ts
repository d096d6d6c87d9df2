/**
 * Log-probabilities of given texts, beside those of the reference.
 *
 * Next: drift.ts
 * @module
 */
import type { Cost } from "../remote/budget.ts";
import {
  betsOn,
  driftChecks,
  likenessCheck,
  meanOf,
  neighbourCheck,
  type TextDrift,
} from "./drift.ts";
import { type Check, each, type GateInput, type Probe } from "./gate.ts";
import { storyIds } from "./story.ts";
import type { TextWay } from "./text-ways.ts";

/** Tokens before this one are not counted as early: the first ones of a text are of another kind. */
export const SETTLED = 8;

/** Lengths of texts: so many times `index_topk`, and how many of them. */
const LENGTH = { topks: 2.25, least: 192, most: 8192, manyBelow: 320 } as const;

/**
 * Texts, more of them where they are short; how many are asked for before it may be decided, and then at a time.
 */
const TEXTS = { few: 12, many: 32, least: 16, round: 4 } as const;

/** What is said where answers are asked for only to be recorded. */
export const ONLY_RECORDED =
  "there is nothing to compare with; a recording of it can be a reference (--against)";

/** The texts as ids, all of the same length. */
export function textsOf({ reference, seed }: GateInput): readonly number[][] {
  const { tokenizer, shape } = reference;
  const wanted = Math.max(LENGTH.least, Math.ceil(LENGTH.topks * (shape?.indexTopk ?? 0)));
  const length = Math.min(wanted, LENGTH.most);
  const n = length < LENGTH.manyBelow ? TEXTS.many : TEXTS.few;
  return Array.from({ length: n }, (_, i) => storyIds(tokenizer, seed * TEXTS.many + i, length));
}

/** All texts, once more where they become a reference, then the neighbours of the first one. */
export function costOfTexts(input: GateInput): Cost {
  const texts = textsOf(input);
  const all = [...texts, ...(input.isRecording ? texts : []), ...neighboursOf(texts)];
  return {
    requests: all.length,
    tokensIn: all.reduce((sum, ids) => sum + ids.length, 0),
    tokensOut: all.length,
  };
}

/**
 * Texts that a wrong prefix cache mixes up: one begins as the first text does and goes on as the second, then
 * comes the first text once more.
 */
function neighboursOf([first, second]: readonly (readonly number[])[]): readonly number[][] {
  const half = Math.floor(first.length / 2);
  return [[...first.slice(0, half), ...second.slice(half)], [...first]];
}

/** What a server and the reference say about the tokens of a text. */
interface Told {
  readonly ids: readonly number[];
  readonly got: readonly number[];
  /** The same as `got` where there is no reference. */
  readonly want: readonly number[];
  /** What the reference told when it was asked once more. */
  readonly again?: readonly number[] | undefined;
}

/** Compares log-probabilities of given texts. */
export async function ofTexts(probe: Probe, way: TextWay): Promise<readonly Check[]> {
  const { reference, onProgress, isRecording } = probe;
  const topk = reference.shape?.indexTopk;
  const texts = textsOf(probe);
  const nAsked = texts.length * (isRecording ? 2 : 1) + 2;
  let done = 0;
  const ask = async (ids: readonly number[]): Promise<Told[]> => {
    const got = way.read((await probe.ask(way.ask(ids))).json, ids);
    const want = (await reference.score?.(ids)) ?? got;
    onProgress?.(++done, nAsked);
    return got && want ? [{ ids, got, want }] : [];
  };
  const told: Told[] = [];
  for (let at = 0; at < texts.length; ) {
    const n = at === 0 ? TEXTS.least : TEXTS.round;
    for (const one of (await each(probe, texts.slice(at, at + n), ask)).flat()) {
      told.push({ ...one, again: await reference.again?.(one.ids) });
    }
    at = Math.min(at + n, texts.length);
    if (told.length < at) return [unknown("log-probabilities of some texts are not told")];
    const isEnough = at >= TEXTS.least && !isRecording;
    if (
      isEnough &&
      betsOn(
        told.map((one) => driftOf(one, topk)),
        noiseOf(told),
      ).verdict
    )
      break;
  }
  // Now beginnings are in a cache, and texts run beside others: what that moves is the noise of a reference.
  if (isRecording) await each({ concurrency: Math.max(2, probe.concurrency ?? 1) }, texts, ask);
  // One after the other: the second finds in a cache what the first has left there.
  const near: Told[] = [];
  for (const ids of neighboursOf(texts)) near.push(...(await ask(ids)));
  if (!reference.score) return [unknown(ONLY_RECORDED)];
  const drifts = told.map((one) => driftOf(one, topk));
  const half = Math.floor(texts[0].length / 2);
  const tails = near.map((one) => differencesOf(one).slice(half));
  return [
    ...driftChecks(drifts, topk, noiseOf(told)),
    ...(tails.length > 0 ? [neighbourCheck(drifts, tails)] : []),
    ...(await likeness(probe, told)),
  ];
}

/** How far the reference is from itself, on average. */
function noiseOf(told: readonly Told[]): number {
  const all = told.flatMap(
    ({ want, again }) => again?.map((x, at) => Math.abs(x - want[at])) ?? [],
  );
  return meanOf(all);
}

function differencesOf({ got, want }: Told): readonly number[] {
  return got.map((x, at) => Math.abs(x - want[at]));
}

function driftOf(told: Told, topk: number | undefined): TextDrift {
  const all = differencesOf(told);
  if (topk === undefined || all.length < 2 * topk) return { all, early: [], late: [] };
  return { all, early: all.slice(SETTLED, topk - 1), late: all.slice(topk) };
}

/** Compares with a second reference, which has a mistake on purpose. */
async function likeness({ reference }: Probe, told: readonly Told[]): Promise<Check[]> {
  const { unlike } = reference;
  if (!unlike) return [];
  const points = [];
  for (const { ids, got, want } of told) {
    const wrong = await unlike.score(ids);
    points.push(...got.map((x, i) => ({ got: x, right: want[i], wrong: wrong[i] })));
  }
  return [likenessCheck(points, unlike.name)];
}

function unknown(evidence: string): Check {
  return { name: "drift", verdict: "unknown", evidence };
}
