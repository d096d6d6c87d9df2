/**
 * Judges an engine's log-probabilities against a case, position by position.
 *
 * How far may one be off?
 *
 * 1. `envelope.json` says how far rounding takes one logit of the case in engines of a class: by E,
 *    which is `room` times the largest error that was measured.
 * 2. A log-probability is a logit less the log of a sum of exponentials. That log moves no farther than
 *    the logit that moves the farthest. So the difference may be off by 2 E.
 * 3. A log-softmax in float32 rounds: once for each addition of the sum, so as often as there are
 *    tokens, and once each for the difference and for the result.
 *
 * Log-probabilities do not show which rows and experts were chosen. So a case is used only for classes
 * of engines whose rounding can turn no choice of it. Then there is one right answer.
 * @module
 */

import { join } from "node:path";
import { logProbs } from "../../../engine/generate/sampler.ts";
import { UserError } from "../../node/user-error.ts";
import { readCase, readDump } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { readEnvelope } from "../case/envelope-file.ts";
import { ROUNDING } from "../case/rounding.ts";
import type { Answer } from "./answer.ts";

/** What a right engine says follows each prefix of a case. */
export interface ExpectedLogprobs {
  readonly name: string;
  readonly tokens: readonly number[];
  readonly nVocab: number;
  /** Of every token, after each prefix. */
  readonly rows: readonly Float64Array[];
  /** How far rounding may take one of them. */
  readonly bound: number;
  readonly engineClass: EngineClass;
}

/** One position. A `tie` has another most likely token, and rounding can have turned the two. */
export interface PositionResult {
  readonly position: number;
  readonly verdict: "ok" | "tie" | "off";
  /** Log-probabilities compared. */
  readonly compared: number;
  /** The largest difference. */
  readonly largest: number;
  /** What is wrong, in words. */
  readonly sentence?: string;
}

/** All positions. */
export interface LogprobJudgement {
  readonly positions: readonly PositionResult[];
  /** The first position that is off. */
  readonly firstOff: number | undefined;
  readonly bound: number;
  /** The position with the largest difference. */
  readonly worst: PositionResult;
}

/**
 * Reads a case for engines of a class.
 *
 * @throws {UserError} when a right engine of the class may say something else
 */
export async function expectedLogprobs(
  dir: string,
  engineClass: EngineClass,
): Promise<ExpectedLogprobs> {
  const { name, tokens } = await readCase(dir);
  const envelope = await readEnvelope(dir);
  if (Object.keys(envelope.ties).length > 0) {
    throw new UserError(name, "equal scores may be chosen either way here: take another case");
  }
  if (!envelope.certified.includes(engineClass)) {
    throw new UserError(
      name,
      `rounding in ${engineClass} can turn a choice here, and log-probabilities alone do not tell that from a mistake: take a case for ${engineClass} (golden/README.md), or another --class`,
    );
  }
  const logits = (await readDump(join(dir, "f64.safetensors"))).get("logits");
  if (!logits) throw new UserError(name, "expected logits in f64.safetensors, found none");
  const [nRows, nVocab] = logits.shape;
  const { data } = logits;
  const rows = Array.from({ length: nRows }, (_, t) =>
    logSoftmax(data.subarray(t * nVocab, (t + 1) * nVocab)),
  );
  const magnitude = Float64Array.from(data, Math.abs).reduce((a, b) => Math.max(a, b));
  const { logits: errors } = envelope.stages;
  const [, share] = errors[engineClass];
  const lowest = Math.min(...rows.map((row) => Math.min(...row)));
  const softmax = ROUNDING.F32 * (nVocab - 2 * lowest);
  const bound = 2 * envelope.room * share * magnitude + softmax;
  return { name, tokens, nVocab, rows, bound, engineClass };
}

/** `x − log Σ exp(x)`, of one row. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(logits);
  return Float64Array.from(logProbs(x, [...x.keys()]));
}

/** Judges one answer for each position. */
export function judgeLogprobs(
  expected: ExpectedLogprobs,
  answers: readonly Answer[],
): LogprobJudgement {
  const { bound, rows } = expected;
  const positions = answers.map((answer, position): PositionResult => {
    const [largest, at] = worstOf(answer, rows[position]);
    const compared = answer.logprobs.size;
    return { position, compared, largest, ...verdictOf(answer, rows[position], bound, at) };
  });
  const firstOff = positions.find(({ verdict }) => verdict === "off")?.position;
  const worst = positions.reduce((a, b) =>
    b.largest <= a.largest || Number.isNaN(a.largest) ? a : b,
  );
  return { positions, firstOff, bound, worst };
}

/** The largest difference and its token; NaN is larger than all. */
function worstOf({ logprobs }: Answer, want: Float64Array): [largest: number, token: number] {
  let [largest, at] = [-1, -1];
  for (const [id, got] of logprobs) {
    const d = Math.abs(got - want[id]);
    if (!(d <= largest)) [largest, at] = [d, id];
    if (Number.isNaN(d)) break;
  }
  return [largest, at];
}

function verdictOf(
  { logprobs, named, isChoice }: Answer,
  want: Float64Array,
  bound: number,
  worst: number,
): Pick<PositionResult, "verdict" | "sentence"> {
  const off = (sentence: string) => ({ verdict: "off", sentence }) as const;
  const got = (id: number): number => logprobs.get(id) ?? Number.NaN;
  const d = Math.abs(got(worst) - want[worst]);
  if (!(d <= bound)) {
    return off(
      `token ${worst} has log-probability ${short(got(worst))}, expected ${short(want[worst])}: off by ${(d / bound).toPrecision(3)} times the bound`,
    );
  }
  const others = [...logprobs.keys()].filter((id) => id !== named);
  const least = Math.min(...(others.length > 0 ? others : [...logprobs.keys()]).map(got));
  const missing = want.findIndex((x, id) => !logprobs.has(id) && x - least > bound);
  if (missing >= 0) {
    return off(
      `token ${missing} is not among the ${logprobs.size} most likely, which end at ${short(least)}: expected ${short(want[missing])}`,
    );
  }
  const best = [...logprobs.keys()].reduce((a, b) => (got(b) > got(a) ? b : a));
  const lead = named === undefined ? 0 : got(best) - (logprobs.get(named) ?? least);
  if (isChoice && lead > bound) {
    return off(
      `token ${named} was chosen at temperature 0, and token ${best} is more likely by ${short(lead)}`,
    );
  }
  const top = want.indexOf(Math.max(...want));
  if (best === top) return { verdict: "ok" };
  const sentence = `token ${best} is the most likely, expected ${top}, which leads by ${short(want[top] - want[best])}`;
  // Each of the two logits may move by half the bound.
  if (want[top] - want[best] <= bound) {
    return { verdict: "tie", sentence: `${sentence}: rounding explains it` };
  }
  return off(`${sentence}: more than rounding explains`);
}

/** Numbers for people. */
const short = (x: number): string => String(Number(x.toPrecision(6)));
