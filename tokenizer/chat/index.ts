/**
 * The chat protocol of GLM-5.2: conversations become prompts, and sampled tokens become replies.
 *
 * Next: messages.ts
 * @module glm52.ts/tokenizer/chat
 */
export { CHAT_FORMATS, type ChatFormat, formatOfTemplate, GLM_5_2 } from "./chat-formats.ts";
export type { CheckOptions } from "./check-chat.ts";
export { CONTROL_TOKENS, type ControlToken } from "./control-tokens.ts";
export { parseJson } from "./json-parse.ts";
export type { Unknown } from "./json-shape.ts";
export { type Json, JsonNumber, type JsonObject, type PlainObject, toPlain } from "./json-value.ts";
export type {
  AssistantMessage,
  ChatRequest,
  Content,
  ContentPart,
  Envelope,
  FunctionCall,
  MediaPart,
  MediaType,
  Message,
  ReasoningEffort,
  TemplateSettings,
  TextMessage,
  TextPart,
  ThinkingSwitch,
  Tool,
  ToolCall,
  ToolDefinition,
  ToolMessage,
  ToolOutput,
  ToolReference,
} from "./messages.ts";
export {
  type OpenAICall,
  type OpenAICallDelta,
  type OpenAIDelta,
  type OpenAIFunction,
  type OpenAIMessage,
  type OpenAIOptions,
  toOpenAI,
  toOpenAIDelta,
} from "./openai.ts";
export { ReplyParser, type ReplyParserOptions } from "./parse.ts";
export type { ControlSegment, Segment, TextSegment } from "./prompt-builder.ts";
export { type PromptIdsOptions, promptIds } from "./prompt-ids.ts";
export { pythonJson } from "./python-json.ts";
export { type Prompt, type RenderOptions, renderChat } from "./render.ts";
export type { Repair, RepairKind } from "./repairs.ts";
export { collectReply, type Reply, type ReplyCall, replyMessage } from "./reply.ts";
export type {
  ArgumentEvent,
  ArgumentsEvent,
  CallArguments,
  CallEndEvent,
  CallEvent,
  FinishEvent,
  FinishReason,
  RepairEvent,
  ReplyEvent,
  TextEvent,
  UnknownToolEvent,
} from "./reply-events.ts";
