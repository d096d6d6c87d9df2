/**
 * The gate of the numbers: log-probabilities of given texts, beside those of the reference. Perplexity
 * cannot tell sparse attention from dense, so positions are compared one by one.
 *
 * Next: bets.ts
 * @module
 */
import { fieldsOf } from "../golden/witness/answer.ts";
import { Bets, observationsOf, signFlip, WON } from "./bets.ts";
import { FREE } from "./budget.ts";
import type { Ask } from "./client.ts";
import type { Check, Gate, Probe, Reference } from "./gate.ts";
import { storyIds } from "./story.ts";

/** Twice the drift of the noisiest arithmetic that is accepted: 8-bit weights and activations. */
const ACCEPTED_DRIFT = 0.05;

/**
 * The late part of a text may drift twice as much as the early one, and by this more. Rounding, other weights
 * and another position encoding move the late part by at most 1.4 times as much, selections by 4 times and more.
 */
const ACCEPTED_STEP = { times: 2, more: 0.03 } as const;

/** A step that chance makes at most once in so many runs is one. */
const STEP_ALARM = 1e-3;

/** Tokens before this one are not counted as early: the first ones of a text are of another kind. */
const SETTLED = 8;

/** Lengths of texts: so many times `index_topk`, and how many of them. */
const LENGTH = { topks: 2.25, least: 192, most: 8192, manyBelow: 320 } as const;

/** Texts, more of them where they are short, and how many are asked for before it may be decided. */
const TEXTS = { few: 12, many: 32, least: 16 } as const;

/** The gate. */
export const NUMBERS: Gate = {
  name: "numbers",
  shows: "weights and arithmetic, within the drift of 8-bit numbers, on these texts",
  hides: "other texts, other load, and mistakes that move less than 8-bit rounding",
  cost: ({ reference, seed }) => {
    if (!reference.score) return FREE;
    const texts = textsOf(reference, seed);
    return {
      requests: texts.length,
      tokensIn: texts.reduce((sum, ids) => sum + ids.length, 0),
      tokensOut: texts.length,
    };
  },
  run: numbers,
};

/** The texts as ids, all of the same length. */
function textsOf({ tokenizer, shape }: Reference, seed: number): readonly number[][] {
  const wanted = Math.max(LENGTH.least, Math.ceil(LENGTH.topks * (shape?.indexTopk ?? 0)));
  const length = Math.min(wanted, LENGTH.most);
  const n = length < LENGTH.manyBelow ? TEXTS.many : TEXTS.few;
  return Array.from({ length: n }, (_, i) => storyIds(tokenizer, seed * TEXTS.many + i, length));
}

/** The question for the log-probabilities of a text. One token follows it, because some servers want one. */
export function scoreAsk(ids: readonly number[]): Ask {
  return {
    path: "completions",
    body: { prompt: ids, max_tokens: 1, temperature: 0, echo: true, logprobs: 1 },
    tokensIn: ids.length,
    tokensOut: 1,
  };
}

/** The log-probabilities of all tokens of a text but the first. Undefined where they are not told. */
export function scoresIn(json: unknown, nIds: number): readonly number[] | undefined {
  const { choices } = fieldsOf(json);
  const [choice] = Array.isArray(choices) ? choices : [];
  const { token_logprobs: told } = fieldsOf(fieldsOf(choice).logprobs);
  if (!Array.isArray(told) || told.length < nIds) return undefined;
  const scores = told.slice(1, nIds);
  return scores.every((x) => typeof x === "number") ? scores : undefined;
}

async function numbers({ reference, seed, ask, onProgress }: Probe): Promise<readonly Check[]> {
  const { score } = reference;
  const name = "drift";
  if (!score) {
    const evidence = "the reference has no weights, and no recording, to compare with";
    return [{ name, verdict: "unknown", evidence }];
  }
  const texts = textsOf(reference, seed);
  const differences: number[][] = [];
  for (const [i, ids] of texts.entries()) {
    onProgress?.(i, texts.length);
    const answer = await ask(scoreAsk(ids));
    const got = scoresIn(answer.json, ids.length);
    if (got === undefined) {
      const status = answer.status === 200 ? "" : ` (status ${answer.status})`;
      const evidence = `the server does not tell log-probabilities of given ids${status}`;
      return [{ name, verdict: "unknown", evidence }];
    }
    const want = await score(ids);
    differences.push(got.map((x, at) => Math.abs(x - want[at])));
    if (differences.length >= TEXTS.least && betsOn(differences).verdict) break;
  }
  const step = stepCheck(differences, reference.shape?.indexTopk);
  return [driftCheck(differences, step), ...(step ? [step] : [])];
}

function betsOn(differences: readonly (readonly number[])[]): Bets {
  const bets = new Bets(ACCEPTED_DRIFT);
  for (const text of differences) for (const x of observationsOf(text)) bets.add(x);
  return bets;
}

/** Whether the drift is above or below what is accepted. */
function driftCheck(differences: readonly (readonly number[])[], step: Check | undefined): Check {
  const { verdict, mean } = betsOn(differences);
  const n = differences.reduce((sum, text) => sum + text.length, 0);
  const largest = differences.reduce((most, text) => Math.max(most, ...text), 0);
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
function stepCheck(
  differences: readonly (readonly number[])[],
  topk: number | undefined,
): Check | undefined {
  const [{ length } = []] = differences;
  if (topk === undefined || length < 2 * topk) return undefined;
  const mean = (list: readonly number[]) =>
    list.reduce((sum, x) => sum + Math.min(x, 1), 0) / list.length;
  const early = differences.map((text) => mean(text.slice(SETTLED, topk - 1)));
  const late = differences.map((text) => mean(text.slice(topk)));
  const steps = inGroups(
    late.map((x, i) => x - ACCEPTED_STEP.times * early[i] - ACCEPTED_STEP.more),
  );
  const name = "step at index_topk";
  const evidence = `before position ${topk} ${mean(early).toFixed(5)}, from there on ${mean(late).toFixed(5)}`;
  if (signFlip(steps) <= STEP_ALARM) {
    const fault =
      "it drifts from index_topk on: the sparse attention is off, or chooses other rows";
    return { name, verdict: "fail", evidence, fault };
  }
  const isSure = signFlip(steps.map((x) => -x)) <= STEP_ALARM;
  return { name, verdict: isSure ? "pass" : "unknown", evidence };
}

/** Values as means of groups, few enough that all signs of them can be tried. */
function inGroups(values: readonly number[]): readonly number[] {
  const n = Math.min(values.length, TEXTS.least);
  return Array.from({ length: n }, (_, group) => {
    const members = values.filter((_, i) => i % n === group);
    return members.reduce((a, b) => a + b, 0) / members.length;
  });
}
