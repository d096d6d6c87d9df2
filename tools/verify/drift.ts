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

/** The differences at the positions of one text. */
export interface TextDrift {
  /** All of them. */
  readonly all: readonly number[];
  /** Those before `index_topk`, where every row is chosen. */
  readonly early: readonly number[];
  /** Those from there on. */
  readonly late: readonly number[];
}

/** Bets on all texts. */
export function betsOn(texts: readonly TextDrift[]): Bets {
  const bets = new Bets(ACCEPTED_DRIFT);
  for (const { all } of texts) for (const x of observationsOf(all)) bets.add(x);
  return bets;
}

/** Whether the drift is above or below what is accepted, and whether it begins at `index_topk`. */
export function driftChecks(texts: readonly TextDrift[], topk: number | undefined): Check[] {
  const step = topk === undefined ? undefined : stepCheck(texts, topk);
  return [driftCheck(texts, step), ...(step ? [step] : [])];
}

function driftCheck(texts: readonly TextDrift[], step: Check | undefined): Check {
  const { verdict, mean } = betsOn(texts);
  const n = texts.reduce((sum, { all }) => sum + all.length, 0);
  const largest = texts.reduce((most, { all }) => Math.max(most, ...all), 0);
  const evidence = `${n} positions differ by ${mean.toFixed(5)} on average, ${largest.toFixed(4)} at most; ${ACCEPTED_DRIFT} is accepted`;
  const name = "drift";
  if (verdict === "below") return { name, verdict: "pass", evidence };
  if (verdict === undefined) {
    const why = `; too few positions to tell with an error of 1/${WON}`;
    return { name, verdict: "unknown", evidence: evidence + why };
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

function meanOf(list: readonly number[]): number {
  return list.reduce((sum, x) => sum + Math.min(x, 1), 0) / list.length;
}

/** Values as means of groups, few enough that all signs of them can be tried. */
function inGroups(values: readonly number[]): readonly number[] {
  const n = Math.min(values.length, MOST_SIGNS);
  return Array.from({ length: n }, (_, group) => {
    const members = values.filter((_, i) => i % n === group);
    return members.reduce((a, b) => a + b, 0) / members.length;
  });
}
