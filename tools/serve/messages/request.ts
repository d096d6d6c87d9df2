/**
 * The body of a request to `/v1/messages`.
 *
 * It takes what both versions of the API send, 2023-06-01 and 2026-10-21. Fields that say how another
 * server stores, bills or caches are read over.
 *
 * Next: blocks.ts
 * @see the OpenAPI document of Anthropic
 * @module
 */
import * as v from "valibot";
import { integer, samplingFields } from "../fields.ts";
import { effort, textOr } from "../schemas.ts";

const text = v.nullish(v.string());
const textBlock = v.looseObject({ type: v.literal("text"), text: v.string() });
const imageBlock = v.looseObject({ type: v.literal("image") });
const innerBlock = v.variant("type", [textBlock, imageBlock]);

const documentBlock = v.looseObject({
  type: v.literal("document"),
  title: text,
  context: text,
  source: v.looseObject({
    type: v.string(),
    /** Of a source that is text. */
    data: text,
    /** Of a source that is content. */
    content: v.nullish(textOr(v.array(innerBlock))),
  }),
});

const searchResult = v.looseObject({
  type: v.literal("search_result"),
  title: v.string(),
  source: v.string(),
  content: v.array(textBlock),
});

const resultBlock = v.variant("type", [
  textBlock,
  imageBlock,
  documentBlock,
  searchResult,
  v.looseObject({ type: v.literal("tool_reference"), tool_name: v.string() }),
]);

/** A block of what a tool gave. */
export type ResultBlock = v.InferOutput<typeof resultBlock>;

const block = v.variant("type", [
  textBlock,
  imageBlock,
  documentBlock,
  searchResult,
  v.looseObject({
    type: v.literal("tool_use"),
    id: v.string(),
    name: v.string(),
    input: v.looseObject({}),
  }),
  v.looseObject({
    type: v.literal("tool_result"),
    tool_use_id: v.string(),
    content: v.nullish(textOr(v.array(resultBlock))),
    is_error: v.nullish(v.boolean()),
  }),
  v.looseObject({ type: v.literal("thinking"), thinking: v.string(), signature: text }),
  v.looseObject({ type: v.literal("redacted_thinking") }),
  v.looseObject({ type: v.literal("mid_conv_system"), content: v.array(textBlock) }),
]);

/** A block of a message. */
export type Block = v.InferOutput<typeof block>;

const message = v.looseObject({
  role: v.picklist(["user", "assistant", "system"]),
  content: textOr(v.array(block)),
});

/** A tool. One with a `type` of its own is one that the other server would run. */
const tool = v.looseObject({
  type: text,
  name: text,
  description: text,
  input_schema: v.nullish(v.looseObject({})),
  strict: v.nullish(v.boolean()),
  defer_loading: v.nullish(v.boolean()),
});

/** Most texts that end a reply. */
const MAX_STOPS = 16;

const prompt = {
  model: v.string(),
  messages: v.pipe(v.array(message), v.minLength(1)),
  system: v.optional(textOr(v.array(textBlock))),
  tools: v.optional(v.array(tool)),
  tool_choice: v.optional(
    v.looseObject({
      type: v.picklist(["auto", "any", "tool", "none"]),
      name: text,
      disable_parallel_tool_use: v.nullish(v.boolean()),
    }),
  ),
  thinking: v.optional(
    v.looseObject({
      type: v.picklist(["enabled", "disabled", "adaptive", "between_tools"]),
      display: v.nullish(v.picklist(["summarized", "omitted"])),
    }),
  ),
  output_config: v.optional(
    v.looseObject({
      effort: v.nullish(effort),
      format: v.nullish(
        v.looseObject({ type: v.literal("json_schema"), schema: v.looseObject({}) }),
      ),
    }),
  ),
};

/** The body of a request to `/v1/messages/count_tokens`. */
export const countRequest = v.object(prompt);

/** {@inheritDoc countRequest} */
export type CountRequest = v.InferOutput<typeof countRequest>;

/** {@inheritDoc ./request.ts} */
export const messagesRequest = v.object({
  ...prompt,
  max_tokens: integer(1, 2 ** 31),
  stop_sequences: v.optional(v.pipe(v.array(v.string()), v.maxLength(MAX_STOPS))),
  ...samplingFields,
  stream: v.optional(v.boolean()),
});

/** {@inheritDoc ./request.ts} */
export type MessagesRequest = v.InferOutput<typeof messagesRequest>;

/** Fields that say how another server stores, bills and caches. */
export const IGNORED: readonly string[] = [
  ...["metadata", "service_tier", "cache_control", "container", "inference_geo"],
  ...["context_management", "betas", "speed"],
];
