/**
 * The ways in which servers tell the log-probabilities of a text that is given to them, all in one request.
 * Which of them a server has is found out by asking, never by its name.
 *
 * Next: reply-ways.ts
 * @module
 */

import type { Ask } from "../remote/ask.ts";
import { fieldsOf } from "../remote/fields-of.ts";

/** A way to ask for the log-probabilities of given ids. */
export interface TextWay {
  /** What it is called, for a report. */
  readonly name: string;
  /** The question. One token follows the text, because some servers want one. */
  ask(ids: readonly number[]): Ask;
  /** The log-probabilities of all ids but the first; undefined where they are not told. */
  read(json: unknown, ids: readonly number[]): readonly number[] | undefined;
}

/** OpenAI's completions with `echo`, as vLLM, SGLang and `glm52 serve` have them. */
const ECHO: TextWay = {
  name: "completions with echo",
  ask: (ids) => asked("completions", ids, { prompt: ids, max_tokens: 1, echo: true, logprobs: 1 }),
  read: (json, ids) => {
    const { token_logprobs: told } = fieldsOf(choiceOf(json).logprobs);
    if (!Array.isArray(told) || told.length < ids.length) return undefined;
    return numbersOf(told.slice(1, ids.length), ids);
  },
};

/** vLLM's `prompt_logprobs`: for each token of the prompt an object from ids to what is known of them. */
const PROMPT_LOGPROBS: TextWay = {
  name: "prompt_logprobs of vLLM",
  ask: (ids) => asked("completions", ids, { prompt: ids, max_tokens: 1, prompt_logprobs: 1 }),
  read: (json, ids) => {
    const { prompt_logprobs: told } = choiceOf(json);
    if (!Array.isArray(told) || told.length !== ids.length) return undefined;
    const list = ids.map((id, i) => fieldsOf(fieldsOf(told[i])[`${id}`]).logprob);
    return numbersOf(list.slice(1), ids);
  },
};

/** SGLang's own path: each token of the prompt is `[log-probability, id, text]`. */
const GENERATE: TextWay = {
  name: "/generate of SGLang",
  ask: (ids) =>
    asked("/generate", ids, {
      input_ids: ids,
      sampling_params: { max_new_tokens: 1, temperature: 0 },
      return_logprob: true,
      logprob_start_len: 0,
    }),
  read: (json, ids) => {
    const { meta_info: meta } = fieldsOf(Array.isArray(json) ? json[0] : json);
    const { input_token_logprobs: told } = fieldsOf(meta);
    if (!Array.isArray(told)) return undefined;
    // Some versions leave out the first token, which has no log-probability.
    const tail = told.slice(1 - ids.length);
    const areSame = tail.every((item, i) => Array.isArray(item) && item[1] === ids[i + 1]);
    return areSame
      ? numbersOf(
          tail.map((item) => item[0]),
          ids,
        )
      : undefined;
  },
};

/** All ways, the commonest first. */
export const TEXT_WAYS: readonly TextWay[] = [ECHO, PROMPT_LOGPROBS, GENERATE];

function asked(path: string, ids: readonly number[], body: object): Ask {
  const greedy = path === "completions" ? { temperature: 0 } : {};
  return { path, body: { ...body, ...greedy }, tokensIn: ids.length, tokensOut: 1 };
}

/** The first choice of an answer. */
export function choiceOf(json: unknown): ReturnType<typeof fieldsOf> {
  const { choices } = fieldsOf(json);
  return fieldsOf(Array.isArray(choices) ? choices[0] : undefined);
}

/** The list, when it holds a number for each id but the first. */
function numbersOf(
  list: readonly unknown[],
  ids: readonly number[],
): readonly number[] | undefined {
  const isWhole = list.length === ids.length - 1 && list.every((x) => typeof x === "number");
  return isWhole ? (list as readonly number[]) : undefined;
}
