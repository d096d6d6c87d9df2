/**
 * The body of a request to `/v1/responses`.
 *
 * Items and tools of kinds that mean nothing here are listed too, because agents send them with every
 * request. Next door, [ask.ts](ask.ts) says what becomes of each.
 *
 * Next: conversation-items.ts
 * @see the OpenAPI documents of OpenAI (2.3.0) and of Open Responses (2026-04-24)
 * @module
 */
import * as v from "valibot";
import { textOr } from "../text-or.ts";

const text = v.nullish(v.string());

/** A part of a content. Parts that are no text become a reminder that the model cannot see them. */
const part = v.variant("type", [
  v.looseObject({ type: v.picklist(["input_text", "output_text", "text"]), text: v.string() }),
  v.looseObject({ type: v.literal("refusal"), refusal: v.string() }),
  v.looseObject({
    type: v.picklist(["input_image", "input_file", "input_audio", "input_video"]),
  }),
]);

/** {@inheritDoc part} */
export type InputPart = v.InferOutput<typeof part>;

const content = textOr(v.array(part));
const texts = v.array(v.looseObject({ text: v.string() }));

const item = v.variant("type", [
  v.looseObject({
    type: v.nullish(v.literal("message")),
    role: v.picklist(["user", "assistant", "system", "developer"]),
    content,
  }),
  v.looseObject({
    type: v.literal("function_call"),
    call_id: v.string(),
    name: v.string(),
    namespace: text,
    arguments: v.string(),
  }),
  v.looseObject({
    type: v.literal("custom_tool_call"),
    call_id: v.string(),
    name: v.string(),
    namespace: text,
    input: v.string(),
  }),
  v.looseObject({
    type: v.picklist(["function_call_output", "custom_tool_call_output"]),
    call_id: v.string(),
    output: content,
  }),
  v.looseObject({
    type: v.literal("reasoning"),
    summary: v.nullish(texts),
    content: v.nullish(texts),
    encrypted_content: text,
  }),
  v.looseObject({ type: v.literal("item_reference"), id: v.string() }),
]);

/** What was said, done or thought. */
export type InputItem = v.InferOutput<typeof item>;

const flatTool = {
  type: v.string(),
  name: text,
  description: text,
  parameters: v.nullish(v.looseObject({})),
  strict: v.nullish(v.boolean()),
};

/** A tool of any kind. A namespace holds others. */
const tool = v.looseObject({
  ...flatTool,
  tools: v.nullish(v.array(v.looseObject(flatTool))),
});

/** {@inheritDoc tool} */
export type RequestTool = v.InferOutput<typeof tool>;

const named = { type: v.string(), name: text, namespace: text };
const mode = v.picklist(["none", "auto", "required"]);

/** One tool that must be called, or some of them that may be. */
const choice = v.looseObject({
  ...named,
  mode: v.nullish(mode),
  tools: v.nullish(v.array(v.looseObject(named))),
});

const format = v.variant("type", [
  v.looseObject({ type: v.picklist(["text", "json_object"]) }),
  v.looseObject({
    type: v.literal("json_schema"),
    name: v.string(),
    description: text,
    schema: v.looseObject({}),
    strict: v.nullish(v.boolean()),
  }),
]);

/** {@inheritDoc ./request.ts} */
export const responsesRequest = v.looseObject({
  model: v.string(),
  input: textOr(v.array(item)),
  instructions: text,
  tools: v.nullish(v.array(tool)),
  tool_choice: v.nullish(textOr(choice)),
  parallel_tool_calls: v.nullish(v.boolean()),
  max_output_tokens: v.nullish(count),
  max_tool_calls: v.nullish(count),
  temperature: v.nullish(between(0, 2)),
  top_p: v.nullish(between(0, 1)),
  presence_penalty: v.nullish(between(-2, 2)),
  frequency_penalty: v.nullish(between(-2, 2)),
  top_logprobs: v.nullish(v.pipe(between(0, 20), v.integer())),
  reasoning: v.nullish(v.looseObject({ effort: text, summary: text })),
  text: v.nullish(v.looseObject({ format: v.nullish(format), verbosity: text })),
  include: v.nullish(v.array(v.string())),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({})),
  store: v.nullish(v.boolean()),
  background: v.nullish(v.boolean()),
  previous_response_id: text,
  conversation: v.nullish(v.unknown()),
  prompt: v.nullish(v.unknown()),
  truncation: text,
  metadata: v.nullish(v.looseObject({})),
  user: text,
  service_tier: text,
  safety_identifier: text,
  prompt_cache_key: text,
});

/** {@inheritDoc ./request.ts} */
export type ResponsesRequest = v.InferOutput<typeof responsesRequest>;
