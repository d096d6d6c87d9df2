/**
 * The shape of a conversation: what a chat client sends, under the names it sends it by.
 *
 * Keys that are not here (`tool_call_id`, `name`, …) are never printed into a prompt. Results of
 * tools therefore have to stand in the order of the calls.
 * @module Next: `check-chat.ts`
 */
import type { JsonObject } from "./json-value.ts";

/** One conversation and how to render it. */
export interface ChatRequest {
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[] | null;
  /**
   * Whether the model may think first; default true. An explicit `null` is false, as it is for
   * the template.
   */
  readonly enable_thinking?: boolean | null;
  /** Default `"max"`. */
  readonly reasoning_effort?: ReasoningEffort | null;
  /**
   * Whether reasoning before the last user message is left out; default true. `false` for agents:
   * the prompt then only grows, so a cache of it stays valid. An explicit `null` is false.
   */
  readonly clear_thinking?: boolean | null;
  /** Ends the prompt where the assistant's reply begins; default false. */
  readonly add_generation_prompt?: boolean | null;
  /** Another spelling of `enable_thinking` and `clear_thinking`. */
  readonly thinking?: boolean | ThinkingSwitch | null;
}

/**
 * The model knows two efforts, High and Max. `none` switches thinking off, `minimal`, `low` and
 * `medium` mean high, `xhigh` means max.
 */
export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

export interface ThinkingSwitch {
  readonly type: "enabled" | "disabled";
  readonly clear_thinking?: boolean;
}

export type Message = TextMessage | AssistantMessage | ToolMessage;

export interface TextMessage {
  readonly role: "system" | "user";
  readonly content: Content;
}

export interface AssistantMessage {
  readonly role: "assistant";
  readonly content?: Content;
  /**
   * Printed as it is, never trimmed. When it is not given, what stands before `</think>` in the
   * content is taken for it.
   */
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly ToolCall[] | null;
}

/** The result of a tool, or the definitions that a search for tools has found. */
export interface ToolMessage {
  readonly role: "tool";
  readonly content: Content | readonly ToolOutput[] | readonly ToolReference[];
}

/** `null` is the empty text. */
export type Content = string | readonly (string | ContentPart)[] | null;

/**
 * A part with a text, or a medium, for which a reminder is printed that the model cannot see it.
 * Parts of another type are left out.
 */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: MediaType; readonly [key: string]: unknown };

export type MediaType =
  | "image"
  | "image_url"
  | "video"
  | "video_url"
  | "audio"
  | "audio_url"
  | "input_audio";

/** One of several results in one message. */
export interface ToolOutput {
  readonly output: string;
}

/** Prints the definition of a tool of this name, also of a deferred one. */
export interface ToolReference {
  readonly type: "tool_reference";
  readonly name: string;
}

/** `{ function: { name, arguments } }`, or the inner object alone. */
export type ToolCall = FunctionCall | { readonly function: FunctionCall };

export interface FunctionCall {
  readonly name: string;
  /** Not JSON text: parse that first, with `parseJson` to keep key order and numbers. */
  readonly arguments: JsonObject;
}

/** `{ function: { name, … } }`, or the inner object alone. */
export type Tool = ToolDefinition | { readonly function: ToolDefinition };

/** All keys are printed in the given order but for `defer_loading` and `strict`. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | null;
  /** A JSON schema of the arguments. */
  readonly parameters?: JsonObject | null;
  /** Not shown until a tool message refers to it. */
  readonly defer_loading?: boolean | null;
  readonly strict?: boolean | null;
}
