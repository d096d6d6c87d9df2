/**
 * What the answers of OpenAI's APIs look like, for the document that describes them. Tests hold every answer
 * against these shapes: no key is missing, and none is there that is not described.
 * @module
 */
import * as v from "valibot";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ids = v.array(count);
const reason = v.nullable(v.picklist(["stop", "length", "tool_calls"]));

const usage = v.strictObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: v.strictObject({ cached_tokens: count }),
  completion_tokens_details: v.strictObject({ reasoning_tokens: count }),
});

const logProb = { token: v.string(), logprob: v.number(), bytes: v.array(count) };
const chatLogProbs = v.nullable(
  v.strictObject({
    content: v.array(
      v.strictObject({ ...logProb, top_logprobs: v.array(v.strictObject(logProb)) }),
    ),
    refusal: v.null(),
  }),
);

/** What all answers, and all chunks, begin with. */
const head = {
  id: v.string(),
  created: count,
  model: v.string(),
  system_fingerprint: v.string(),
  prompt_token_ids: v.optional(ids),
};

/** What all choices have, and what they have where it was asked for. */
const choice = {
  index: count,
  finish_reason: reason,
  token_ids: v.optional(ids),
  meta_info: v.optional(v.looseObject({})),
};

const message = v.strictObject({
  role: v.literal("assistant"),
  content: v.nullable(v.string()),
  refusal: v.null(),
  annotations: v.pipe(v.array(v.unknown()), v.maxLength(0)),
  reasoning_content: v.optional(v.nullable(v.string())),
  reasoning: v.optional(v.nullable(v.string())),
  tool_calls: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          id: v.string(),
          type: v.literal("function"),
          function: v.strictObject({ name: v.string(), arguments: v.string() }),
        }),
      ),
      v.nonEmpty(),
    ),
  ),
});

/** A chat completion. */
export const chatAnswer = v.strictObject({
  ...head,
  object: v.literal("chat.completion"),
  choices: v.array(v.strictObject({ ...choice, message, logprobs: chatLogProbs })),
  usage,
});

const delta = v.strictObject({
  role: v.optional(v.literal("assistant")),
  content: v.optional(v.string()),
  reasoning_content: v.optional(v.pipe(v.string(), v.nonEmpty())),
  reasoning: v.optional(v.pipe(v.string(), v.nonEmpty())),
  tool_calls: v.optional(
    v.array(
      v.strictObject({
        index: count,
        id: v.optional(v.string()),
        type: v.optional(v.literal("function")),
        function: v.strictObject({ name: v.optional(v.string()), arguments: v.string() }),
      }),
    ),
  ),
});

/** A chunk of a chat completion. */
export const chatChunk = v.strictObject({
  ...head,
  object: v.literal("chat.completion.chunk"),
  choices: v.array(v.strictObject({ ...choice, delta, logprobs: chatLogProbs })),
  usage: v.optional(v.nullable(usage)),
});

const textLogProbs = v.strictObject({
  tokens: v.array(v.string()),
  token_logprobs: v.array(v.nullable(v.number())),
  top_logprobs: v.array(v.nullable(v.record(v.string(), v.number()))),
  text_offset: v.array(count),
});

const text = {
  ...head,
  object: v.literal("text_completion"),
  choices: v.array(
    v.strictObject({
      ...choice,
      text: v.string(),
      logprobs: v.nullable(textLogProbs),
      prompt_token_ids: v.optional(ids),
    }),
  ),
};

/** Completions of texts. */
export const textAnswer = v.strictObject({ ...text, usage });

/** A chunk of completions of texts. */
export const textChunk = v.strictObject({ ...text, usage: v.optional(v.nullable(usage)) });
