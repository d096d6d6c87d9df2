/**
 * How tokens are to be chosen, in the fields of requests.
 *
 * Next: ways.ts
 * @module
 */
import type { SamplingOptions } from "../../engine/index.ts";

/** The options that OpenAI's API knows. */
export function openSampling(sampling: SamplingOptions) {
  const { temperature = 0, topP = 1, presencePenalty, frequencyPenalty } = sampling;
  return {
    temperature,
    top_p: topP,
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
  };
}

/** Options that a server may not know, with values that change something: it must take them, or say no. */
export function askedSampling({
  topK = 0,
  minP = 0,
  repetitionPenalty = 1,
  logitBias,
}: SamplingOptions) {
  return {
    ...(topK > 0 && { top_k: topK }),
    ...(minP > 0 && { min_p: minP }),
    ...(repetitionPenalty !== 1 && { repetition_penalty: repetitionPenalty }),
    ...(logitBias && { logit_bias: Object.fromEntries(logitBias) }),
  };
}

/** The values that change nothing, for servers that have other ones as their default. */
export function neutralSampling({ topK = 0, minP = 0, repetitionPenalty = 1 }: SamplingOptions) {
  return {
    ...(topK === 0 && { top_k: -1 }),
    ...(minP === 0 && { min_p: 0 }),
    ...(repetitionPenalty === 1 && { repetition_penalty: 1 }),
  };
}
