/**
 * What replies say about their first token, and whether their log-probabilities can be some.
 *
 * Next: numbers.ts
 * @module
 */
import type { ToldReply, ToldToken } from "./chat-reply.ts";
import type { Check } from "./gate.ts";

/** A lead in log-probability that no rounding turns: 4-bit weights move one by 0.2 on average. */
export const CLEAR_LEAD = 1.5;

/** Likeliest tokens that are closer together than this, in nats, tell nothing about a scale. */
const LEAST_DEVIATION = 1;

/** Characters that stand for a first token which is not told. */
const BEGINNING = 4;

/** Names the first token of a reply: by its log-probabilities, by its id, or by the beginning of the text. */
export function choiceOf({ ids, logprobs, content }: ToldReply): string {
  const [id] = ids ?? [];
  const [first] = logprobs;
  if (first) return first.token;
  return id === undefined ? content.slice(0, BEGINNING) : `token ${id}`;
}

/** Whether a token is so far from the likeliest that no rounding made it the choice. */
export function isBehind({ logprob, top }: ToldToken): boolean {
  return Math.max(logprob, ...top.map((one) => one.logprob)) - logprob > CLEAR_LEAD;
}

/** By how much the likeliest token leads the next. Undefined without log-probabilities. */
export function leadOf(token: ToldToken | undefined): number | undefined {
  const sorted = (token?.top ?? []).map(({ logprob }) => logprob).sort((a, b) => b - a);
  return sorted.length < 2 ? undefined : sorted[0] - sorted[1];
}

/** How far the likeliest tokens are apart. */
export function widthOf(token: ToldToken | undefined): number {
  const values = (token?.top ?? []).map(({ logprob }) => logprob);
  return values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);
}

/** The probability of a token, where it is told. */
export function probabilityOf(token: ToldToken | undefined): number | undefined {
  return token && Number.isFinite(token.logprob) ? Math.exp(token.logprob) : undefined;
}

/** Whether log-probabilities are some, whether the choice is the likeliest, and before the temperature. */
export function logprobChecks(
  greedy: readonly ToldToken[],
  cold: ToldReply,
  hot: ToldReply,
  temperature: number,
): Check[] {
  const name = "log-probabilities";
  if (greedy.length === 0) {
    return [{ name, isExtra: true, verdict: "unknown", evidence: "the server tells none" }];
  }
  return [
    { name, isExtra: true, ...sanity(greedy) },
    {
      name: `${name} before the temperature`,
      isExtra: true,
      ...scale(cold.logprobs[0], hot.logprobs[0], temperature),
    },
  ];
}

type Outcome = Pick<Check, "verdict" | "evidence" | "fault">;

function sanity(tokens: readonly ToldToken[]): Outcome {
  const evidence = `${tokens.length} tokens`;
  const fail = (fault: string): Outcome => ({ verdict: "fail", evidence, fault });
  for (const told of tokens) {
    const { logprob, top, token } = told;
    const values = top.map((one) => one.logprob);
    if (![logprob, ...values].every((x) => x <= 1e-4)) {
      return fail("log-probabilities are above 0, or no numbers");
    }
    const sum = values.reduce((total, x) => total + Math.exp(x), 0);
    if (sum > 1.001) return fail(`the likeliest tokens have probabilities of ${sum} together`);
    if (isBehind(told)) {
      return fail(
        `at temperature 0 ${JSON.stringify(token)} was chosen, which is not the likeliest`,
      );
    }
  }
  return {
    verdict: "pass",
    evidence: `${evidence}: probabilities, and the choices are the likeliest`,
  };
}

/**
 * The same first token, asked for at temperature 0 and at a high one. A temperature draws log-probabilities
 * together: the slope of the one over the other tells.
 */
function scale(
  cold: ToldToken | undefined,
  hot: ToldToken | undefined,
  temperature: number,
): Outcome {
  const before = new Map(cold?.top.map(({ token, logprob }) => [token, logprob]));
  const pairs = (hot?.top ?? []).flatMap(({ token, logprob }) => {
    const other = before.get(token);
    return other === undefined ? [] : [{ x: other, y: logprob }];
  });
  const { slope, deviation } = slopeOf(pairs);
  const evidence = `of those at temperature 0 they are ${slope.toFixed(3)} times as far apart`;
  if (pairs.length === 0 || deviation < LEAST_DEVIATION) {
    return { verdict: "unknown", evidence: "the likeliest tokens are too close together" };
  }
  const isNear = (value: number) => Math.abs(slope - value) <= (1 - 1 / temperature) / 2;
  if (isNear(1)) return { verdict: "pass", evidence };
  if (!isNear(1 / temperature)) return { verdict: "unknown", evidence };
  return { verdict: "fail", evidence, fault: "log-probabilities are given after the temperature" };
}

/** The slope of the best line through points, and how far they are from their mean along x. */
function slopeOf(points: readonly { readonly x: number; readonly y: number }[]) {
  const n = Math.max(1, points.length);
  const mean = (key: "x" | "y") => points.reduce((sum, point) => sum + point[key], 0) / n;
  const [mx, my] = [mean("x"), mean("y")];
  const variance = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0) / n;
  const covariance = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / n;
  return { slope: covariance / variance, deviation: Math.sqrt(variance) };
}
