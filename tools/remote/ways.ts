/**
 * The ways in which servers run a prompt, and how each is asked.
 *
 * | way | servers that have it | prompt | reply |
 * |---|---|---|---|
 * | `/v1/completions` | vLLM, `glm52 serve` | ids | ids |
 * | `/generate` | SGLang | ids | ids |
 * | `/completion` | llama-server | ids | ids |
 * | `/v1/completions` without ids in its answer | older ones of these, some hosted ones | ids | text |
 * | `/v1/completions` of texts | most hosted ones | text | text |
 *
 * A server may not know a field. Fields that only say what holds anyway are sent as extras, which are left
 * out where they are refused; what a user asks for is not, so a server that cannot do it says so.
 *
 * Next: steps.ts
 * @module
 */
import type { SamplingOptions } from "../../engine/index.ts";
import type { Ask } from "./ask.ts";
import { askedSampling, neutralSampling, openSampling } from "./sampling-fields.ts";
import { completionStep, generateReader, llamaReader, type ReadStep } from "./steps.ts";

/** A prompt, and how it is to be gone on with. */
export interface Run {
  readonly ids: readonly number[];
  /** The same prompt as text, control tokens in their spelling. */
  readonly text: string;
  readonly maxTokens: number;
  readonly sampling: SamplingOptions;
  readonly seed: number;
  /** Ids that end the reply, and their spellings. */
  readonly stopIds: readonly number[];
  readonly stopTexts: readonly string[];
}

/** One way. */
export interface Way {
  /** What it is, for people. */
  readonly about: string;
  /** Whether the prompt is sent as ids. */
  readonly takesIds: boolean;
  /** Whether the reply comes back as ids. */
  readonly tellsIds: boolean;
  /** The request. */
  ask(run: Run): Pick<Ask, "path" | "body" | "extras">;
  /** Begins to read the events of one reply. */
  reader(): ReadStep;
}

/** `/v1/completions` of vLLM and of our own server. */
const COMPLETIONS_OF_IDS: Way = {
  about: "/v1/completions, prompts and replies as ids",
  takesIds: true,
  tellsIds: true,
  ask: (run) => completionsAsk(run, run.ids, false),
  reader: () => completionStep,
};

/** The same where the server tells no ids. */
const COMPLETIONS_TELLING_TEXT: Way = {
  ...COMPLETIONS_OF_IDS,
  about: "/v1/completions, prompts as ids, replies as text",
  tellsIds: false,
  ask: (run) => completionsAsk(run, run.ids, true),
};

/** The same where the server takes no ids either. */
const COMPLETIONS_OF_TEXT: Way = {
  ...COMPLETIONS_TELLING_TEXT,
  about: "/v1/completions, prompts and replies as text",
  takesIds: false,
  ask: (run) => completionsAsk(run, run.text, true),
};

/** SGLang's own path. */
const GENERATE: Way = {
  about: "/generate, prompts and replies as ids",
  takesIds: true,
  tellsIds: true,
  ask: ({ ids, maxTokens, sampling, seed, stopIds }) => {
    const params = {
      max_new_tokens: maxTokens,
      ...openSampling(sampling),
      ...neutralSampling(sampling),
      ...askedSampling(sampling),
      stop_token_ids: stopIds,
      skip_special_tokens: false,
    };
    return {
      path: "/generate",
      body: { input_ids: ids, stream: true, sampling_params: params },
      extras: [{ sampling_params: { ...params, sampling_seed: seed } }],
    };
  },
  reader: generateReader,
};

/** llama-server's own path. */
const COMPLETION: Way = {
  about: "/completion, prompts and replies as ids",
  takesIds: true,
  tellsIds: true,
  ask: ({ ids, maxTokens, sampling, seed }) => {
    const { topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = sampling;
    const { temperature, presence_penalty, frequency_penalty } = openSampling(sampling);
    const body = {
      ...{ prompt: ids, n_predict: maxTokens, seed, stream: true, return_tokens: true },
      ...{ temperature, top_k: topK, top_p: topP, min_p: minP },
      // Its own default is to look back only some tokens, and to filter before the temperature.
      ...{ repeat_penalty: repetitionPenalty, repeat_last_n: -1 },
      samplers: ["penalties", "temperature", "top_k", "top_p", "min_p"],
      ...(presence_penalty !== undefined && { presence_penalty }),
      ...(frequency_penalty !== undefined && { frequency_penalty }),
      ...(sampling.logitBias && { logit_bias: [...sampling.logitBias] }),
    };
    return { path: "/completion", body };
  },
  reader: llamaReader,
};

/** The ways to try, the best first. */
export const WAYS: readonly Way[] = [
  COMPLETIONS_OF_IDS,
  GENERATE,
  COMPLETION,
  COMPLETIONS_TELLING_TEXT,
  COMPLETIONS_OF_TEXT,
];

/** A request of `/v1/completions`. */
function completionsAsk(
  { maxTokens, sampling, seed, stopIds, stopTexts }: Run,
  prompt: string | readonly number[],
  wantsText: boolean,
): Pick<Ask, "path" | "body" | "extras"> {
  const body = {
    ...{ prompt, max_tokens: maxTokens, stream: true, seed },
    ...openSampling(sampling),
    ...askedSampling(sampling),
    ...(wantsText && { stop: stopTexts }),
  };
  const shown = { skip_special_tokens: false };
  return {
    path: "completions",
    body,
    extras: [
      { stream_options: { include_usage: true } },
      neutralSampling(sampling),
      wantsText ? shown : { ...shown, return_token_ids: true },
      { stop_token_ids: stopIds, add_special_tokens: false },
    ],
  };
}
