/**
 * What differences of log-probabilities say: whether they are above what is accepted, and whether they begin
 * where indexers begin to choose.
 *
 * Next: bets.ts
 * @module
 */
import { Bets, observationsOf, signFlip, WON } from "./bets.ts";
import type { Check } from "./gate.ts";

/** Twice the drift of the noisiest arithmetic that is accepted: 8-bit weights and activations. */
export const ACCEPTED_DRIFT = 0.05;

/**
 * The late part of a text may drift twice as much as the early one, and by this more. Rounding, other weights
 * and another position encoding move the late part by at most 1.4 times as much, selections by 4 times and more.
 */
const ACCEPTED_STEP = { times: 2, more: 0.03 } as const;

/** A step that chance makes at most once in so many runs is one. */
const STEP_ALARM = 1e-3;

/** The most values whose signs are flipped: all signs of so many can be tried. */
const MOST_SIGNS = 16;

/**
 * A text after a neighbour may drift so much, or so many times as much as other texts do. Rows of somebody else's
 * text move it by 1 and more.
 */
const ACCEPTED_NEIGHBOUR = { least: 0.25, times: 4 } as const;

/** Positions at which two references differ most, and how many of them must be nearer to one: 1/1000 by chance. */
const LIKENESS = { positions: 100, clear: 66 } as const;

/** The differences at the positions of one text. */
export interface TextDrift {
  /** All of them. */
  readonly all: readonly number[];
  /** Those before `index_topk`, where every row is chosen. */
  readonly early: readonly number[];
  /** Those from there on. */
  readonly late: readonly number[];
}

/**
 * Bets on all texts.
 *
 * @param noise how far the reference is from itself; twice as much is accepted
 */
export function betsOn(texts: readonly TextDrift[], noise: number): Bets {
  const bets = new Bets(acceptedOf(noise));
  for (const { all } of texts) for (const x of observationsOf(all)) bets.add(x);
  return bets;
}

/** Whether the drift is above or below what is accepted, and whether it begins at `index_topk`. */
export function driftChecks(
  texts: readonly TextDrift[],
  topk: number | undefined,
  noise: number,
): Check[] {
  const step = topk === undefined ? undefined : stepCheck(texts, topk);
  return [driftCheck(texts, step, noise), ...(step ? [step] : [])];
}

function acceptedOf(noise: number): number {
  return Math.min(Math.max(ACCEPTED_DRIFT, 2 * noise), 1 / 2);
}

function driftCheck(texts: readonly TextDrift[], step: Check | undefined, noise: number): Check {
  const { verdict, mean } = betsOn(texts, noise);
  const accepted = acceptedOf(noise);
  const why = accepted > ACCEPTED_DRIFT ? ", twice what the reference differs from itself" : "";
  const n = texts.reduce((sum, { all }) => sum + all.length, 0);
  const largest = texts.reduce((most, { all }) => Math.max(most, ...all), 0);
  const evidence = `${n} positions differ by ${mean.toFixed(5)} on average, ${largest.toFixed(4)} at most; ${Number(accepted.toPrecision(3))} is accepted${why}`;
  const name = "drift";
  if (verdict === "below") return { name, verdict: "pass", evidence };
  if (verdict === undefined) {
    const few = `; too few positions to tell with an error of 1/${WON}`;
    return { name, verdict: "unknown", evidence: evidence + few };
  }
  const fault =
    step?.verdict === "fail"
      ? step.fault
      : "other weights, another number format below 8 bits, or another position encoding: it drifts from the start";
  return { name, verdict: "fail", evidence, fault };
}

/** Whether the drift begins where indexers begin to choose. The early part is the control of the late. */
function stepCheck(texts: readonly TextDrift[], topk: number): Check | undefined {
  const both = texts.filter(({ early, late }) => early.length > 0 && late.length > 0);
  if (both.length === 0) return undefined;
  const early = both.map((text) => meanOf(text.early));
  const late = both.map((text) => meanOf(text.late));
  const steps = inGroups(
    late.map((x, i) => x - ACCEPTED_STEP.times * early[i] - ACCEPTED_STEP.more),
  );
  const name = "step at index_topk";
  const evidence = `before position ${topk} ${meanOf(early).toFixed(5)}, from there on ${meanOf(late).toFixed(5)}`;
  if (signFlip(steps) <= STEP_ALARM) {
    const fault =
      "it drifts from index_topk on: the sparse attention is off, or chooses other rows";
    return { name, verdict: "fail", evidence, fault };
  }
  const isSure = signFlip(steps.map((x) => -x)) <= STEP_ALARM;
  return { name, verdict: isSure ? "pass" : "unknown", evidence };
}

/**
 * Whether a text that begins as another one has numbers of its own.
 *
 * @param tails differences behind the common beginning, and those of the first text when it is asked for again
 */
export function neighbourCheck(
  texts: readonly TextDrift[],
  tails: readonly (readonly number[])[],
): Check {
  const name = "after a neighbour";
  const others = meanOf(texts.map(({ all }) => meanOf(all)));
  const near = Math.max(...tails.map(meanOf));
  const evidence = `texts that begin alike differ by ${near.toFixed(5)}, all others by ${others.toFixed(5)}`;
  const { least, times } = ACCEPTED_NEIGHBOUR;
  if (near < Math.max(least, times * others)) return { name, verdict: "pass", evidence };
  const fault =
    "what is told of a text depends on texts before it: a cache of beginnings mixes them";
  return { name, verdict: "fail", evidence, fault };
}

/** A log-probability as it is told, as it should be, and as it is with a mistake that is made on purpose. */
export interface Likeness {
  readonly got: number;
  readonly right: number;
  readonly wrong: number;
}

/** Whether a server is nearer to the reference or to one with a mistake, where these differ most. */
export function likenessCheck(points: readonly Likeness[], wrongName: string): Check {
  const name = `not like ${wrongName}`;
  const apart = ({ right, wrong }: Likeness) => Math.abs(right - wrong);
  const most = points
    .filter((point) => apart(point) > 0)
    .sort((a, b) => apart(b) - apart(a))
    .slice(0, LIKENESS.positions);
  if (most.length < LIKENESS.positions) {
    const evidence = `both references differ at ${most.length} positions only`;
    return { name, verdict: "unknown", evidence };
  }
  const n = most.filter(
    ({ got, right, wrong }) => Math.abs(got - right) < Math.abs(got - wrong),
  ).length;
  const evidence = `at the ${most.length} positions where both references differ most, ${n} are nearer to the right one`;
  if (n >= LIKENESS.clear) return { name, verdict: "pass", evidence };
  if (n > most.length - LIKENESS.clear) return { name, verdict: "unknown", evidence };
  return { name, verdict: "fail", evidence, fault: `it answers as ${wrongName} does` };
}

/** The mean, in which no difference counts more than 1; of nothing 0. */
export function meanOf(list: readonly number[]): number {
  return list.reduce((sum, x) => sum + Math.min(x, 1), 0) / Math.max(1, list.length);
}

/** Values as means of groups, few enough that all signs of them can be tried. */
function inGroups(values: readonly number[]): readonly number[] {
  const n = Math.min(values.length, MOST_SIGNS);
  return Array.from({ length: n }, (_, group) => {
    const members = values.filter((_, i) => i % n === group);
    return members.reduce((a, b) => a + b, 0) / members.length;
  });
}
