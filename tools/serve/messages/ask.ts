/**
 * A request to `/v1/messages` becomes a turn of a chat.
 *
 * Next: reply-blocks.ts
 * @module
 */
import {
  type ChatRequest,
  type Json,
  pythonJson,
  type ToolDefinition,
} from "../../../tokenizer/chat/index.ts";
import type { Grammar, ToolChoice } from "../../constrain/grammar.ts";
import { type Body, shown, wrong } from "../body.ts";
import type { ChatAsk } from "../chat-ask.ts";
import { samplingOf, seedOf, thinkingIn } from "../fields.ts";
import { jsonAt, objectAt } from "../json-at.ts";
import type { Service } from "../service.ts";
import { conversationOf } from "./blocks.ts";
import type { CountRequest, MessagesRequest } from "./request.ts";

/** A request, understood. */
export interface MessagesAsk {
  readonly ask: ChatAsk;
  /** Whether reasoning is left out, but for its signature. */
  readonly omitsThinking: boolean;
  /** Paths of what the request holds and nothing here can use. */
  readonly ignored: readonly string[];
}

/**
 * Understands a request.
 *
 * @throws {ServeError} with the path of the field that is wrong
 */
export function messagesAsk(
  { json, fields }: Body<MessagesRequest>,
  service: Service,
): MessagesAsk {
  const { desk, options } = service;
  const { chat, tools, ignored } = promptOf({ json, fields }, service);
  const fallback = { kind: options.toolChoice ?? "auto" } as const;
  const stop = fields.stop_sequences ?? [];
  for (const [i, text] of stop.entries()) {
    if (text === "") wrong(`stop_sequences[${i}]`, "a text that is not empty", '""');
  }
  const ask: ChatAsk = {
    chat,
    toolChoice: toolChoiceOf(fields, tools, fallback),
    parallel: fields.tool_choice?.disable_parallel_tool_use !== true,
    content: formatOf(json, fields),
    maxTokens: fields.max_tokens,
    minTokens: 0,
    stop,
    includeStop: false,
    stopIds: [],
    ignoreEos: false,
    sampling: samplingOf(fields, desk.model),
    seed: seedOf(json, options),
    n: 1,
    topLogProbs: undefined,
  };
  return { ask, omitsThinking: fields.thinking?.display === "omitted", ignored };
}

/** What a prompt is made of. */
export interface PromptParts {
  readonly chat: ChatRequest;
  readonly tools: readonly ToolDefinition[];
  readonly ignored: readonly string[];
}

/**
 * The part of a request that becomes the prompt.
 *
 * @throws {ServeError} with the path of the field that is wrong
 */
export function promptOf({ json, fields }: Body<CountRequest>, service: Service): PromptParts {
  const ignored: string[] = [];
  const tools = toolsOf(fields, json, ignored);
  const messages = conversationOf(fields, json, ignored).end();
  const thinking = thinkingIn(thinkingOf(fields, service), service);
  const chat: ChatRequest = {
    messages,
    tools,
    ...(Object.fromEntries(thinking) as Partial<ChatRequest>),
    // What a client sends back of the reasoning is meant to be read again.
    clear_thinking: false,
  };
  return { chat, tools, ignored };
}

/** Tools that the client runs. Those that the other server would run are left out. */
function toolsOf({ tools = [] }: CountRequest, json: Json, ignored: string[]): ToolDefinition[] {
  const names = new Set<string>();
  return tools.flatMap((tool, i) => {
    const { type, name, description, strict, defer_loading: isDeferred } = tool;
    const path = `tools[${i}]`;
    if (type !== undefined && type !== null && type !== "custom") {
      ignored.push(path);
      return [];
    }
    if (!name) return wrong(`${path}.name`, "a name", "none");
    if (names.has(name)) {
      return wrong(`${path}.name`, "a name that no other tool has", `${shown(name)} again`);
    }
    names.add(name);
    const parameters = objectAt(json, "tools", i, "input_schema");
    const definition: ToolDefinition = {
      name,
      ...(typeof description === "string" && { description }),
      ...(parameters && { parameters }),
      ...(strict === true && { strict }),
      ...(isDeferred === true && { defer_loading: true }),
    };
    return [definition];
  });
}

function toolChoiceOf(
  { tool_choice: choice }: CountRequest,
  tools: readonly ToolDefinition[],
  fallback: ToolChoice,
): ToolChoice {
  if (choice === undefined) return tools.length > 0 ? fallback : { kind: "auto" };
  if (choice.type === "auto" || choice.type === "none") return { kind: choice.type };
  if (choice.type === "any") {
    if (tools.length > 0) return { kind: "required" };
    return wrong("tool_choice", "tools beside it, because a call is asked for", "none");
  }
  const name = choice.name ?? "";
  if (tools.some((tool) => tool.name === name)) return { kind: "named", name };
  const names = tools.map((tool) => shown(tool.name)).join(", ") || "none, as the request has none";
  return wrong("tool_choice.name", `the name of one of the tools (${names})`, shown(name));
}

/** How the model thinks, in the words of the chat format. */
function thinkingOf(
  { thinking, output_config: config }: CountRequest,
  { options }: Service,
): Map<string, Json> {
  const settings = new Map<string, Json>();
  if (thinking) settings.set("enable_thinking", thinking.type !== "disabled");
  // An effort alone is how hard to try, and does not ask for thinking where the server has it off.
  const thinks = thinking ? thinking.type !== "disabled" : options.think !== "off";
  if (config?.effort && thinks) settings.set("reasoning_effort", config.effort);
  return settings;
}

function formatOf(json: Json, { output_config: config }: CountRequest): Grammar | undefined {
  if (!config?.format) return undefined;
  const schema = jsonAt(json, "output_config", "format", "schema") ?? {};
  return { kind: "schema", schema: pythonJson(schema) };
}
