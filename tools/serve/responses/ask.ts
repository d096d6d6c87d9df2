/**
 * A request to `/v1/responses` becomes a turn of a chat, and what the response repeats of it.
 *
 * Next: output.ts
 * @module
 */
import { type ChatRequest, type Json, pythonJson, toPlain } from "../../../tokenizer/chat/index.ts";
import type { Grammar } from "../../constrain/grammar.ts";
import type { Body } from "../body.ts";
import type { ChatAsk } from "../chat-ask.ts";
import { samplingOf, seedOf, thinkingIn } from "../fields.ts";
import { jsonAt } from "../json-at.ts";
import type { Service } from "../service.ts";
import { conversationOf } from "./items.ts";
import type { ResponsesRequest } from "./request.ts";
import type { Echo } from "./shapes.ts";
import { type ClientName, callingOf, offeredTools } from "./tools.ts";

/** What a client asks for to get the reasoning in a form that it can send back. */
const SEALED = "reasoning.encrypted_content";
/** What a client asks for to get log-probabilities. */
const LOG_PROBS = "message.output_text.logprobs";

/** A request, understood. */
export interface ResponsesAsk {
  readonly ask: ChatAsk;
  readonly echo: Echo;
  readonly clientNames: ReadonlyMap<string, ClientName>;
  readonly sealsReasoning: boolean;
  /** Paths of what the request holds and nothing here can use. */
  readonly ignored: readonly string[];
}

/**
 * Understands a request.
 *
 * @throws {ServeError} with the path of the field that is wrong
 */
export function responsesAsk(
  { json, fields }: Body<ResponsesRequest>,
  service: Service,
): ResponsesAsk {
  const { desk, options } = service;
  const ignored: string[] = [];
  const offered = offeredTools(fields.tools, json, ignored);
  const fallback = { kind: options.toolChoice ?? "auto" } as const;
  const { tools, toolChoice } = callingOf(fields.tool_choice, offered, fallback);
  const messages = conversationOf(fields, ignored).end();
  const sampling = samplingOf(fields, desk.model);
  const { reasoning, include = [], max_output_tokens: maxTokens } = fields;
  const effort = reasoning?.effort ?? undefined;
  const thinking = thinkingIn(
    new Map<string, Json>(effort === undefined ? [] : [["reasoning_effort", effort]]),
    service,
  );
  const nTop = fields.top_logprobs ?? 0;
  const parallel = fields.parallel_tool_calls ?? true;
  const ask: ChatAsk = {
    chat: {
      messages,
      tools,
      ...(Object.fromEntries(thinking) as Partial<ChatRequest>),
      // What a client sends back of the reasoning is meant to be read again.
      clear_thinking: false,
    },
    toolChoice,
    parallel,
    content: formatOf(json, fields),
    maxTokens,
    minTokens: 0,
    stop: [],
    includeStop: false,
    stopIds: [],
    ignoreEos: false,
    sampling,
    seed: seedOf(json, options),
    n: 1,
    topLogProbs: include.includes(LOG_PROBS) || nTop > 0 ? nTop : undefined,
  };
  const echo: Echo = {
    model: desk.model.name,
    instructions: fields.instructions ?? null,
    tools: offered.definitions.map(({ name, description, parameters, strict }) => ({
      type: "function",
      name,
      description: description ?? null,
      parameters: parameters ? toPlain(parameters) : null,
      strict: strict ?? false,
    })),
    tool_choice: fields.tool_choice ?? toolChoice.kind,
    parallel_tool_calls: parallel,
    text: textOf(fields),
    temperature: sampling.temperature ?? 0,
    top_p: sampling.topP ?? 1,
    presence_penalty: fields.presence_penalty ?? 0,
    frequency_penalty: fields.frequency_penalty ?? 0,
    top_logprobs: nTop,
    reasoning: { effort: effort ?? null, summary: reasoning?.summary ?? null },
    max_output_tokens: maxTokens ?? null,
    max_tool_calls: fields.max_tool_calls ?? null,
    metadata: fields.metadata ?? {},
    safety_identifier: fields.safety_identifier ?? null,
    prompt_cache_key: fields.prompt_cache_key ?? null,
  };
  const sealsReasoning = include.includes(SEALED);
  return { ask, echo, clientNames: offered.clientNames, sealsReasoning, ignored };
}

function formatOf(json: Json, { text }: ResponsesRequest): Grammar | undefined {
  const { type = "text" } = text?.format ?? {};
  if (type === "text") return undefined;
  if (type === "json_object") return { kind: "json" };
  return { kind: "schema", schema: pythonJson(jsonAt(json, "text", "format", "schema") ?? {}) };
}

/** The form of the text, with all fields that clients look for. */
function textOf({ text }: ResponsesRequest): unknown {
  const verbosity = text?.verbosity ? { verbosity: text.verbosity } : {};
  const format = text?.format;
  if (format?.type !== "json_schema") {
    return { format: { type: format?.type ?? "text" }, ...verbosity };
  }
  const { type, name, description = null, schema, strict } = format;
  return { format: { type, name, description, schema, strict: strict ?? false }, ...verbosity };
}
