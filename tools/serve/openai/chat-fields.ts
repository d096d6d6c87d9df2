/**
 * The fields of a request for a chat completion, and the turn that they ask for.
 *
 * Next: chat-wire.ts
 * @module
 */
import * as v from "valibot";
import type { Json, JsonObject } from "../../../tokenizer/chat/index.ts";
import type { ToolChoice } from "../../constrain/grammar.ts";
import { type Body, wrong } from "../body.ts";
import type { ChatAsk } from "../chat-ask.ts";
import {
  answerFields,
  choicesOf,
  integer,
  nLogProbs,
  samplingFields,
  samplingOf,
  seedOf,
  stopFields,
  stopsOf,
  thinkingFields,
  thinkingIn,
  traceOf,
} from "../fields.ts";
import { formatFields, formatOf } from "../format-field.ts";
import type { Service } from "../service.ts";

/** A content: a text, or its parts. */
const content = v.union([v.string(), v.array(v.union([v.string(), v.looseObject({})])), v.null()]);

/** The body. Messages and tools are checked whole where they become a prompt. */
export const chatSchema = v.object({
  messages: v.pipe(
    v.array(v.looseObject({ role: v.string(), content: v.optional(content) })),
    v.nonEmpty(),
  ),
  tools: v.optional(v.array(v.looseObject({}))),
  tool_choice: v.optional(
    v.union([
      v.picklist(["none", "auto", "required"]),
      v.object({ type: v.literal("function"), function: v.looseObject({ name: v.string() }) }),
    ]),
  ),
  parallel_tool_calls: v.optional(v.boolean()),
  max_completion_tokens: v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  max_tokens: v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  logprobs: v.optional(v.boolean()),
  top_logprobs: v.optional(nLogProbs),
  ...answerFields,
  ...samplingFields,
  ...stopFields,
  ...thinkingFields,
  ...formatFields,
});

/** The fields of a checked body. */
export type ChatFields = v.InferOutput<typeof chatSchema>;

/** Fields that change nothing here. */
export const CHAT_IGNORED: readonly string[] = [
  ...["user", "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention"],
  ...["safety_identifier", "verbosity", "request_id", "user_id", "tool_stream"],
];

/** Fields that ask for what is not built here, with the values that ask for nothing. */
export const CHAT_REFUSED: ReadonlyMap<string, readonly unknown[]> = new Map<string, unknown[]>([
  ["functions", [[]]],
  ["function_call", ["none", "auto"]],
  ["audio", []],
  ["modalities", [["text"]]],
  ["prediction", []],
  ["web_search_options", []],
]);

/**
 * Returns the turn that a body asks for.
 *
 * @param chat its messages and tools
 */
export function askOf(
  { json, fields }: Body<ChatFields>,
  chat: ReadonlyMap<string, Json>,
  service: Service,
): ChatAsk {
  const { desk, options } = service;
  const { logprobs, top_logprobs: top } = fields;
  if (top !== undefined && top > 0 && !logprobs) wrong("logprobs", "true with top_logprobs", "not");
  return {
    chat: new Map([...chat, ...thinkingIn(json, service)]) as JsonObject,
    toolChoice: toolChoiceOf(fields, service),
    parallel: fields.parallel_tool_calls ?? true,
    content: formatOf(json, fields),
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens,
    ...stopsOf(fields, desk.model),
    sampling: samplingOf(fields, desk.model),
    seed: seedOf(json, options),
    n: choicesOf(fields),
    topLogProbs: logprobs ? (top ?? 0) : undefined,
    trace: traceOf(fields),
  };
}

function toolChoiceOf(
  { tool_choice: given, tools = [] }: ChatFields,
  service: Service,
): ToolChoice {
  if (typeof given === "object") return { kind: "named", name: given.function.name };
  const otherwise = tools.length > 0 ? service.options.toolChoice : undefined;
  return { kind: given ?? otherwise ?? "auto" };
}
