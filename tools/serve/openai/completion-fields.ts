/**
 * The fields of a request for completions of texts.
 * @module
 */
import * as v from "valibot";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { type Body, wrong } from "../body.ts";
import type { ServedModel } from "../desk.ts";
import {
  answerFields,
  checkId,
  choicesOf,
  integer,
  nLogProbs,
  samplingFields,
  samplingOf,
  seedOf,
  stopFields,
  stopsOf,
  traceOf,
} from "../fields.ts";
import { formatFields, formatOf } from "../format-field.ts";
import { textTokens } from "../prompt-tokens.ts";
import type { Service } from "../service.ts";
import type { TextAsk } from "./text-reply.ts";

/** Most tokens where a request does not say, as in OpenAI's API. */
const MAX_TOKENS = 16;

/** Most prompts of one request. */
const MOST_PROMPTS = 1024;

const PROMPTS = "a text, a list of texts, a list of token ids, or a list of such lists";

/** The body. */
export const completionSchema = v.object({
  prompt: v.union(
    [v.string(), v.array(v.string()), v.array(v.number()), v.array(v.array(v.number()))],
    PROMPTS,
  ),
  max_tokens: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  echo: v.optional(v.boolean()),
  logprobs: v.optional(nLogProbs),
  ...answerFields,
  ...samplingFields,
  ...stopFields,
  ...formatFields,
});

/** The fields of a checked body. */
export type CompletionFields = v.InferOutput<typeof completionSchema>;

/** Fields that change nothing here. */
export const COMPLETION_IGNORED: readonly string[] = ["user", "metadata", "add_special_tokens"];

/** Fields that ask for what is not built here, with the values that ask for nothing. */
export const COMPLETION_REFUSED: ReadonlyMap<string, readonly unknown[]> = new Map([
  ["suffix", [""]],
]);

/** Returns the texts that a body asks for. */
export async function textAskOf(
  { json, fields }: Body<CompletionFields>,
  { desk, options }: Service,
): Promise<TextAsk> {
  const { model } = desk;
  const { echo = false, max_tokens: maxTokens = MAX_TOKENS, logprobs } = fields;
  if (maxTokens === 0 && !echo) wrong("max_tokens", "1 or more, or echo", "0 without echo");
  const { stop, includeStop, stopIds, minTokens, ignoreEos } = stopsOf(fields, model);
  const trace = traceOf(fields);
  const grammar = formatOf(json, fields);
  return {
    prompts: await promptsOf(fields.prompt, model, model.tokenizer),
    order: {
      maxTokens,
      sampling: samplingOf(fields, model),
      seed: seedOf(json, options),
      stopIds: [...new Set([...(ignoreEos ? [] : model.eosTokenIds), ...stopIds])],
      minTokens,
      topLogProbs: logprobs ?? 0,
      promptLogProbs: echo && logprobs !== undefined,
      n: choicesOf(fields),
      ...(trace && { trace }),
      ...(grammar && { constraint: { kind: "text", grammar } }),
    },
    echo,
    stop,
    includeStop,
    script: options.script,
    trace,
  };
}

/** Texts are read as they stand: control tokens by their spelling, and nothing is added. */
async function promptsOf(
  prompt: CompletionFields["prompt"],
  model: ServedModel,
  tokenizer: Tokenizer,
): Promise<readonly (readonly number[])[]> {
  const list = typeof prompt === "string" ? [prompt] : prompt;
  if (list.length === 0) wrong("prompt", PROMPTS, "an empty list");
  const isIds = (items: typeof list): items is number[] => typeof items[0] === "number";
  const prompts = isIds(list) ? [list] : list;
  if (prompts.length > MOST_PROMPTS) {
    wrong("prompt", `at most ${MOST_PROMPTS} prompts`, String(prompts.length));
  }
  const read: (readonly number[])[] = [];
  for (const [i, one] of prompts.entries()) {
    const path = list === prompts ? `prompt[${i}]` : "prompt";
    const ids = typeof one === "string" ? await textTokens(tokenizer, one) : one;
    if (ids.length === 0) wrong(path, "one token at least", "none");
    for (const [k, id] of ids.entries()) {
      if (!Number.isInteger(id) || id < 0 || id >= model.vocabulary) {
        checkId(Number.isInteger(id) ? id : -1, id, `${path}[${k}]`, model);
      }
    }
    read.push(ids);
  }
  return read;
}
