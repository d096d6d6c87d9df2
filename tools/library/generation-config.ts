/**
 * The file in which the makers of a model say how its tokens are to be chosen, and which tokens end
 * a text.
 *
 * Every key is read, must have the value that changes nothing, or is ignored for a reason; unknown
 * keys are judged as those of config.json are.
 *
 * Next: model-config.ts
 * @module
 */

import { boolean, Fields, type Rule, tokenIds } from "../../engine/config/fields.ts";
import type { UnknownKeys } from "../../engine/config/unknown-keys.ts";
import { checkSampling, SamplingError, type SamplingOptions } from "../../engine/index.ts";

/** The name of the file. */
export const GENERATION_CONFIG = "generation_config.json";

/** What the file says. */
export interface GenerationConfig {
  readonly sampling: SamplingOptions;
  /** Tokens that end a text, besides those of config.json. */
  readonly eosTokenIds: readonly number[];
}

/** Key in the file → our option. */
const KEYS = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
} as const satisfies Record<string, keyof SamplingOptions>;

/** Keys that ask for another way to choose tokens, unless they have this value. */
const NEUTRAL: readonly (readonly [string, number])[] = [
  ["num_beams", 1],
  ["num_beam_groups", 1],
  ["typical_p", 1],
  ["guidance_scale", 1],
  ["encoder_repetition_penalty", 1],
];

/** Keys that do not choose a token. */
const IGNORED: ReadonlyMap<string, string> = new Map([
  ["max_length", "the caller says how long a text may become"],
  ["max_new_tokens", "the caller says how long a text may become"],
  ["max_time", "the caller says when to end"],
  ["early_stopping", "of beam search"],
  ["length_penalty", "of beam search"],
  ["num_return_sequences", "the caller says how many texts there are to be"],
  ["bos_token_id", "no text begins with it"],
  ["pad_token_id", "no padding here"],
  ["decoder_start_token_id", "of models with an encoder"],
  ["use_cache", "sessions always cache"],
  ["cache_implementation", "how HF caches"],
  ["return_dict_in_generate", "the form of what HF returns"],
  ["output_scores", "what else HF returns"],
  ["output_logits", "what else HF returns"],
  ["output_attentions", "what else HF returns"],
  ["output_hidden_states", "what else HF returns"],
  ["renormalize_logits", "probabilities always have the sum 1 here"],
  ["remove_invalid_values", "logits that are no numbers are an error here"],
  ["num_assistant_tokens", "guesses change no text"],
  ["num_assistant_tokens_schedule", "guesses change no text"],
  ["assistant_confidence_threshold", "guesses change no text"],
  ["disable_compile", "how HF runs"],
  ["prefill_chunk_size", "how HF runs"],
  ["transformers_version", "who wrote the file"],
  ["_from_model_config", "who wrote the file"],
]);

const number: Rule<number> = {
  what: "a number",
  is: (v): v is number => typeof v === "number",
};

/**
 * Reads the parsed file.
 *
 * `do_sample: false` is greedy decoding, whatever else stands there. With `do_sample: true`, a
 * missing temperature is 1. `top_k: -1` means all tokens, as in vLLM; here that is 0.
 *
 * @throws {ConfigError} when a value has the wrong type or range, or asks for what is not here
 */
export function readGeneration(json: unknown, unknown: UnknownKeys): GenerationConfig {
  const fields = new Fields(GENERATION_CONFIG, json);
  const doSample = fields.optional("do_sample", boolean);
  const sampling: { -readonly [K in keyof SamplingOptions]: SamplingOptions[K] } = {};
  if (doSample === true) sampling.temperature = 1;
  for (const [key, option] of Object.entries(KEYS)) {
    const value = fields.optional(key, number);
    if (value !== undefined) sampling[option] = key === "top_k" && value === -1 ? 0 : value;
  }
  try {
    checkSampling(sampling);
  } catch (error) {
    if (!(error instanceof SamplingError)) throw error;
    const key = Object.entries(KEYS).find(([, option]) => option === error.where)?.[0];
    throw fields.mistake(key ?? error.where, error.what);
  }
  const ids = fields.optional("eos_token_id", tokenIds) ?? [];
  for (const [key, value] of NEUTRAL) fields.skip(key, value);
  fields.finish(IGNORED, unknown);
  return {
    sampling: doSample === false ? { temperature: 0 } : sampling,
    eosTokenIds: typeof ids === "number" ? [ids] : ids,
  };
}
