/**
 * The shape of a conversation, with the names that chat clients use.
 *
 * A conversation in OpenAI's shape is one, too: arguments may be JSON text, content may be `null`,
 * and results of tools are sorted by their `tool_call_id`. No prompt shows an id or a `name`. A key
 * that is not known is an error, because it would be left out.
 *
 * Next: check-chat.ts
 * @module
 */
import type { JsonObject } from "./json-value.ts";

/** A conversation and how to render it. */
export interface ChatRequest {
  /** What was said, the oldest message first. */
  readonly messages: readonly Message[];
  /** The tools that the model may call. */
  readonly tools?: readonly Tool[] | null;
  /**
   * Whether the model may think first; the default is true. An explicit `null` means false, as it
   * does for the chat template.
   */
  readonly enable_thinking?: boolean | null;
  /** How long the model may think; the default is `"max"`. */
  readonly reasoning_effort?: ReasoningEffort | null;
  /**
   * Whether reasoning before the last user message is left out; the default is true. Agents use
   * false: the prompt then only grows, so a cache of it stays valid. An explicit `null` means
   * false.
   */
  readonly clear_thinking?: boolean | null;
  /** Whether the prompt ends where the assistant's reply begins; the default is false. */
  readonly add_generation_prompt?: boolean | null;
  /** Another spelling of `enable_thinking` and `clear_thinking`. */
  readonly thinking?: boolean | ThinkingSwitch | null;
  /** The place where servers take the settings above. */
  readonly chat_template_kwargs?: TemplateSettings | null;
}

/** Settings of a {@link ChatRequest} in the place where servers take them. */
export type TemplateSettings = Pick<
  ChatRequest,
  "enable_thinking" | "clear_thinking" | "reasoning_effort" | "thinking"
>;

/**
 * GLM-5.2 knows two efforts, High and Max. `none` switches thinking off, `minimal`, `low` and
 * `medium` mean high, `xhigh` means max. GLM-5.3 knows Low, too. Upper case is read as lower case.
 */
export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** The form of `thinking` that some clients send. */
export interface ThinkingSwitch {
  /** Whether the model may think first. */
  readonly type: "enabled" | "disabled";
  /** As `clear_thinking` of a {@link ChatRequest}. */
  readonly clear_thinking?: boolean;
}

/** One message of a conversation. */
export type Message = TextMessage | AssistantMessage | ToolMessage;

/** A message of the user, or instructions of the system. */
export interface TextMessage {
  /** Who speaks. `developer` is OpenAI's name for `system`. */
  readonly role: "system" | "user" | "developer";
  /** What is said. */
  readonly content: Content;
  /** A name, which no prompt shows. */
  readonly name?: string | null;
}

/** A reply of the model. */
export interface AssistantMessage {
  /** The model speaks. */
  readonly role: "assistant";
  /** The reply without reasoning and calls. */
  readonly content?: Content;
  /**
   * The reasoning, which is printed as it is and never trimmed. Without it, the part of the content
   * before `</think>` is the reasoning.
   */
  readonly reasoning_content?: string | null;
  /** Another spelling of `reasoning_content`. */
  readonly reasoning?: string | null;
  /** Another spelling of `reasoning_content`. */
  readonly thinking?: string | null;
  /** The calls that the model made. */
  readonly tool_calls?: readonly ToolCall[] | null;
}

/** The result of a tool, or the definitions that a search for tools has found. */
export interface ToolMessage {
  /** A tool speaks. */
  readonly role: "tool";
  /** One result, several results, or tools that were found. */
  readonly content: Content | readonly ToolOutput[] | readonly ToolReference[];
  /** The id of the call that this answers. Results are sorted into the order of the calls. */
  readonly tool_call_id?: string | null;
}

/** A text, or parts of it one after the other. `null` is the empty text. */
export type Content = string | readonly (string | ContentPart)[] | null;

/** One part of a content. */
export type ContentPart = TextPart | MediaPart;

/** A part that is text. */
export interface TextPart {
  /** Names this kind of part. The last two are the names of OpenAI's Responses. */
  readonly type: "text" | "input_text" | "output_text";
  /** The text. */
  readonly text: string;
}

/** An image, video or sound. A reminder that the model cannot see it is printed in its place. */
export interface MediaPart {
  /** Which medium it is. */
  readonly type: MediaType;
  /** The medium itself, which is not read. */
  readonly [key: string]: unknown;
}

/** The media that clients send, under the names they have there. */
export type MediaType =
  | "image"
  | "image_url"
  | "video"
  | "video_url"
  | "audio"
  | "audio_url"
  | "input_audio"
  | "input_image";

/** One of several results in one message. */
export interface ToolOutput {
  /** The result as text. */
  readonly output: string;
}

/** A tool that a search has found. Its definition is printed, also if it is deferred. */
export interface ToolReference {
  /** Names this kind of item. */
  readonly type: "tool_reference";
  /** The name of the tool, which is one of `tools`. */
  readonly name: string;
}

/** A call, in its envelope or without. */
export type ToolCall = FunctionCall | Envelope<FunctionCall>;

/** What clients put around calls and tools. */
export interface Envelope<T> {
  /** The call or the tool. */
  readonly function: T;
  /** The id of a call, by which results are sorted. */
  readonly id?: string | null;
  /** The kind of tool, the only one. */
  readonly type?: "function";
}

/** A call that the model made. */
export interface FunctionCall {
  /** The name of the tool. */
  readonly name: string;
  /** The arguments, as an object or as JSON text of one. The text keeps key order and digits. */
  readonly arguments: JsonObject | string | null;
  /** The id of the call, by which results are sorted. */
  readonly id?: string | null;
}

/** A tool, in its envelope or without. */
export type Tool = ToolDefinition | Envelope<ToolDefinition>;

/** A tool. All keys but `defer_loading` and `strict` are printed, in the order given. */
export interface ToolDefinition {
  /** The name to call it by. */
  readonly name: string;
  /** What it is for, in words for the model. */
  readonly description?: string | null;
  /** A JSON schema of the arguments. */
  readonly parameters?: JsonObject | null;
  /** Whether the tool is hidden until a tool message refers to it. */
  readonly defer_loading?: boolean | null;
  /** A setting of other servers, which changes nothing here. */
  readonly strict?: boolean | null;
}
