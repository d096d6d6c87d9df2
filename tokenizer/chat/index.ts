/**
 * The chat protocol of GLM-5.2: conversations → prompts, sampled tokens → replies.
 * @module Next: `messages.ts`
 */
export type { CheckOptions } from "./check-chat.ts";
export { parseJson } from "./json-parse.ts";
export { type Json, JsonNumber, type JsonObject, type PlainObject, toPlain } from "./json-value.ts";
export type {
  AssistantMessage,
  ChatRequest,
  Content,
  ContentPart,
  FunctionCall,
  MediaType,
  Message,
  ReasoningEffort,
  TextMessage,
  ThinkingSwitch,
  Tool,
  ToolCall,
  ToolDefinition,
  ToolMessage,
  ToolOutput,
  ToolReference,
} from "./messages.ts";
export { ReplyParser, type ReplyParserOptions } from "./parse.ts";
export type { Segment } from "./prompt-builder.ts";
export { type PromptIdsOptions, promptIds } from "./prompt-ids.ts";
export { pythonJson } from "./python-json.ts";
export { type Prompt, renderChat } from "./render.ts";
export { collectReply, type Reply, type ReplyCall, replyMessage } from "./reply.ts";
export type { ArgumentEvent, CallEndEvent, FinishReason, ReplyEvent } from "./reply-events.ts";
