/**
 * Whether the effort of thinking reaches the model. High and Max are one token each, so counts are blind to it; the
 * likeliest first tokens of a reply are others.
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import type { Ask } from "../remote/ask.ts";
import { replyOf, type ToldToken } from "./chat-reply.ts";
import { requestOf } from "./conversations.ts";
import type { Check, Probe, Reference } from "./gate.ts";
import { idsWith } from "./template-faults.ts";

/** Likeliest tokens that are compared. */
const TOP = 5;

/** What the same question twice may differ by, beside rounding of another order of sums. */
const NOISE = { times: 2, more: 1e-6 } as const;

/** The questions: one effort twice, which shows the noise, then another one. */
export function effortAsks({ tokenizer }: Reference): readonly Ask[] {
  return [undefined, undefined, "high" as const].map((effort) => {
    const chat: ChatRequest = {
      messages: [{ role: "user", content: "hi" }],
      ...(effort && { reasoning_effort: effort }),
    };
    return {
      path: "chat/completions",
      body: { ...requestOf(chat), max_tokens: 1, temperature: 0 },
      extras: [{ logprobs: true, top_logprobs: TOP }],
      tokensIn: idsWith([], chat, tokenizer, "protocol").length,
      tokensOut: 1,
    };
  });
}

/** Asks them. */
export async function effortCheck({ reference, ask }: Probe): Promise<Check> {
  const name = "effort of thinking";
  const told: ToldToken[] = [];
  for (const one of effortAsks(reference)) {
    const [first] = replyOf(await ask({ ...one, isWrong: true }))?.logprobs ?? [];
    if (first === undefined || first.top.length === 0) {
      const evidence = "the server tells no log-probabilities of replies";
      return { name, isExtra: true, verdict: "unknown", evidence };
    }
    told.push(first);
  }
  const [max, again, high] = told;
  const [noise, difference] = [farthest(max, again), farthest(max, high)];
  const evidence = `the likeliest first tokens move by ${difference.toPrecision(3)} from Max to High, by ${noise.toPrecision(3)} without a change`;
  if (difference > NOISE.times * noise + NOISE.more) {
    return { name, isExtra: true, verdict: "pass", evidence };
  }
  const fault = noise === 0 ? "the effort is ignored" : undefined;
  return { name, isExtra: true, verdict: fault ? "fail" : "unknown", evidence, fault };
}

/** How far the log-probabilities of the same tokens are apart; tokens of one side alone are far. */
function farthest(a: ToldToken, b: ToldToken): number {
  const others = new Map(b.top.map(({ token, logprob }) => [token, logprob]));
  return Math.max(
    ...a.top.map(({ token, logprob }) => Math.abs(logprob - (others.get(token) ?? logprob - 1))),
  );
}
