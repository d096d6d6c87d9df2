/**
 * The gate of the samples: whether replies at temperature 1 are drawn as a trusted endpoint draws them. It needs
 * neither log-probabilities nor ids, only a recording, and says that something is another, never what.
 *
 * Next: mmd.ts
 * @module
 */

import type { Answer, Ask } from "../remote/ask.ts";
import { fieldsOf } from "../remote/fields-of.ts";
import { requestOf } from "./conversations.ts";
import { type Check, each, type Gate, type GateInput, type Probe } from "./gate.ts";
import { ONLY_RECORDED } from "./given-texts.ts";
import { type SamplePair, sameSource } from "./mmd.ts";
import { chatOf, lengthOf } from "./short-replies.ts";
import { scenes } from "./story.ts";
import { choiceOf } from "./text-ways.ts";

/** Prompts, replies to each, and tokens of a reply. */
const N = { prompts: 25, samples: 10, tokens: 16 } as const;

/** A difference that chance makes at most once in so many runs is one. */
const ALARM = 1e-3;

/** The gate. */
export const SAMPLES: Gate = {
  name: "samples",
  shows: "replies at temperature 1 are drawn as the recorded endpoint draws them",
  hides: "what ten short replies to each prompt do not show: small changes of the weights",
  cost: (input) => {
    if (!isAsked(input)) return { requests: 0, tokensIn: 0, tokensOut: 0 };
    const asks = asksOf(input).flat();
    return {
      requests: asks.length,
      tokensIn: asks.reduce((sum, { tokensIn }) => sum + tokensIn, 0),
      tokensOut: asks.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
    };
  },
  run: samples,
};

/** Replies are of use only where there are others to compare with, or will be. */
const isAsked = ({ reference, isRecording }: GateInput): boolean =>
  reference.recorded !== undefined || isRecording === true;

/** The questions, for each prompt as many as there are samples. */
function asksOf({ reference, seed }: GateInput): readonly (readonly Ask[])[] {
  return scenes(seed, N.prompts).map((text) =>
    Array.from({ length: N.samples }, (_, i) => ({
      path: "chat/completions",
      body: {
        ...requestOf(chatOf(text)),
        ...{ max_tokens: N.tokens, temperature: 1, top_p: 1, seed: seed * N.samples + i },
      },
      ...{ tokensIn: lengthOf(text, reference), tokensOut: N.tokens },
    })),
  );
}

async function samples(probe: Probe): Promise<readonly Check[]> {
  const name = "replies of one source";
  const { reference, seed, ask, onProgress } = probe;
  if (!isAsked(probe)) {
    const evidence =
      "there is no recording to compare with; --record makes one of a trusted endpoint";
    return [{ name, verdict: "unknown", evidence }];
  }
  const tokensOf = (answer: Answer | undefined): readonly number[] | undefined => {
    const { message } = choiceOf(answer?.json);
    const { content } = fieldsOf(message);
    return typeof content === "string"
      ? [...reference.tokenizer.encodeOrdinary(content)].slice(0, N.tokens)
      : undefined;
  };
  let done = 0;
  const pairs = await each(probe, asksOf(probe), async (asks): Promise<SamplePair> => {
    const got: (readonly number[])[] = [];
    const want: (readonly number[])[] = [];
    for (const one of asks) {
      got.push(tokensOf(await ask(one)) ?? []);
      const told = tokensOf(reference.recorded?.(one));
      if (told) want.push(told);
    }
    onProgress?.(++done, N.prompts);
    return { got, want };
  });
  if (!reference.recorded) return [{ name, verdict: "unknown", evidence: ONLY_RECORDED }];
  if (pairs.some(({ want }) => want.length < N.samples)) {
    const evidence = "the recording does not hold these replies";
    return [{ name, verdict: "unknown", evidence }];
  }
  const chance = sameSource(pairs, N.tokens, seed);
  const evidence = `${N.prompts} prompts, ${N.samples} replies each: chance makes such a difference in ${(100 * chance).toFixed(2)} % of runs`;
  if (chance > ALARM) return [{ name, verdict: "pass", evidence }];
  const fault =
    "replies are drawn in another way: other weights, another template, or another sampler";
  return [{ name, verdict: "fail", evidence, fault }];
}
