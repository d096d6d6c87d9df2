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

/** How far log-probabilities of a token may be off between two requests, in nats. */
const NOISE = 0.3;

/** Names the first token of a reply: by its id, by its log-probabilities, or by the text. */
export function choiceOf({ ids, logprobs, content }: ToldReply): string {
  const [id] = ids ?? [];
  const [first] = logprobs;
  if (first) return first.token;
  return id === undefined ? content : `token ${id}`;
}

/** By how much the likeliest token leads the next. Undefined without log-probabilities. */
export function leadOf(token: ToldToken | undefined): number | undefined {
  const sorted = (token?.top ?? []).map(({ logprob }) => logprob).sort((a, b) => b - a);
  return sorted.length < 2 ? undefined : sorted[0] - sorted[1];
}

/** The probability of a token, where it is told. */
export function probabilityOf(token: ToldToken | undefined): number | undefined {
  return token && Number.isFinite(token.logprob) ? Math.exp(token.logprob) : undefined;
}

/** Whether log-probabilities are some, whether the choice is the likeliest, and before the temperature. */
export function logprobChecks(
  greedy: readonly ToldToken[],
  cold: ToldReply,
  hot: readonly ToldReply[],
): Check[] {
  const name = "log-probabilities";
  if (greedy.length === 0) {
    return [{ name, isExtra: true, verdict: "unknown", evidence: "the server tells none" }];
  }
  return [
    { name, isExtra: true, ...sanity(greedy) },
    { name: `${name} before the temperature`, isExtra: true, ...scale(cold.logprobs[0], hot) },
  ];
}

type Outcome = Pick<Check, "verdict" | "evidence" | "fault">;

function sanity(tokens: readonly ToldToken[]): Outcome {
  const evidence = `${tokens.length} tokens`;
  const fail = (fault: string): Outcome => ({ verdict: "fail", evidence, fault });
  for (const { logprob, top, token } of tokens) {
    const values = top.map((one) => one.logprob);
    if (![logprob, ...values].every((x) => x <= 1e-4)) {
      return fail("log-probabilities are above 0, or no numbers");
    }
    const sum = values.reduce((total, x) => total + Math.exp(x), 0);
    if (sum > 1.001) return fail(`the likeliest tokens have probabilities of ${sum} together`);
    const best = Math.max(...values);
    if (top.length > 0 && best - logprob > CLEAR_LEAD) {
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

/** The same first token, asked for at temperature 0 and at a high one. */
function scale(cold: ToldToken | undefined, hot: readonly ToldReply[]): Outcome {
  const before = new Map(cold?.top.map(({ token, logprob }) => [token, logprob]));
  const differences = hot.flatMap(({ logprobs: [first] }) =>
    (first?.top ?? []).flatMap(({ token, logprob }) => {
      const other = before.get(token);
      return other === undefined ? [] : [Math.abs(logprob - other)];
    }),
  );
  if (differences.length === 0) {
    return { verdict: "unknown", evidence: "no token is told at both temperatures" };
  }
  const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
  const evidence = `they differ by ${mean.toFixed(4)} on average from those at temperature 0`;
  if (mean <= NOISE) return { verdict: "pass", evidence };
  const shrunk = hot.map(({ logprobs: [first] }) => leadOf(first) ?? 0);
  const lead = leadOf(cold) ?? 0;
  const areShrunk = shrunk.every((x) => Math.abs(x - lead) > NOISE / 2);
  if (!areShrunk) return { verdict: "unknown", evidence };
  return { verdict: "fail", evidence, fault: "log-probabilities are given after the temperature" };
}
