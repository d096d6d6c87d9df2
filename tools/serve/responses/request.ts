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
import { integer, nLogProbs, samplingFields } from "../fields.ts";
import { effort, textOr } from "../schemas.ts";

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
export const responsesRequest = v.object({
  model: v.string(),
  input: textOr(v.array(item)),
  instructions: v.optional(v.string()),
  tools: v.optional(v.array(tool)),
  tool_choice: v.optional(textOr(choice)),
  parallel_tool_calls: v.optional(v.boolean()),
  max_output_tokens: v.optional(integer(1, 2 ** 31)),
  max_tool_calls: v.optional(integer(1, 2 ** 31)),
  ...samplingFields,
  top_logprobs: v.optional(nLogProbs),
  reasoning: v.optional(v.looseObject({ effort: v.nullish(effort), summary: text })),
  text: v.optional(v.looseObject({ format: v.nullish(format), verbosity: text })),
  include: v.optional(v.array(v.string())),
  stream: v.optional(v.boolean()),
  metadata: v.optional(v.looseObject({})),
  safety_identifier: v.optional(v.string()),
  prompt_cache_key: v.optional(v.string()),
});

/** {@inheritDoc ./request.ts} */
export type ResponsesRequest = v.InferOutput<typeof responsesRequest>;

/** How a body is read. */
export const RESPONSES_RULES = {
  schema: responsesRequest,
  ignored: [
    ...["store", "stream_options", "truncation", "user", "service_tier", "client_metadata"],
    ...["context_management", "prompt_cache_retention"],
  ],
  // Nothing is kept from one request to the next, and no reply is made behind a client's back.
  refused: new Map<string, readonly unknown[]>([
    ["previous_response_id", []],
    ["conversation", []],
    ["prompt", []],
    ["background", [false]],
  ]),
} as const;
