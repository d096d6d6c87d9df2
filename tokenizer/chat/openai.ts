/**
 * Writes replies in the shape of OpenAI's Chat Completions, whole or as deltas of a stream.
 *
 * `renderChat` reads the same shape, so a message that was written here can go back into a
 * conversation.
 * @module
 */
import type { Reply } from "./reply.ts";
import type { ReplyEvent } from "./reply-events.ts";

/** A message of the assistant. */
export interface OpenAIMessage {
  /** The model speaks. */
  readonly role: "assistant";
  /** The answer; null when there are only calls. */
  readonly content: string | null;
  /** The reasoning, if there is any. */
  readonly reasoning_content?: string;
  /** The complete calls of declared tools, if there are any. */
  readonly tool_calls?: readonly OpenAICall[];
}

/** A call. */
export interface OpenAICall {
  /** What the result refers to. */
  readonly id: string;
  /** The only kind of call. */
  readonly type: "function";
  /** What is called. */
  readonly function: OpenAIFunction;
}

/** The tool that a call names, and what it gets. */
export interface OpenAIFunction {
  /** The name of the tool. */
  readonly name: string;
  /** The arguments as JSON text. */
  readonly arguments: string;
}

/** What one event adds to a message. */
export interface OpenAIDelta {
  /** The next characters of the answer. */
  readonly content?: string;
  /** The next characters of the reasoning. */
  readonly reasoning_content?: string;
  /** The beginning of a call, or more of its arguments. */
  readonly tool_calls?: readonly OpenAICallDelta[];
}

/** A part of a call. Id, type and name come once, with the first part. */
export interface OpenAICallDelta {
  /** Number of the call in its message, from 0 on. */
  readonly index: number;
  /** What the result refers to. */
  readonly id?: string;
  /** The only kind of call. */
  readonly type?: "function";
  /** The next part of what is called. The name comes once, the arguments are cut anywhere. */
  readonly function: Partial<Pick<OpenAIFunction, "name">> & Pick<OpenAIFunction, "arguments">;
}

/** How replies are written. */
export interface OpenAIOptions {
  /** Makes the id of a call from its number; the default is `call_0`, `call_1`, … */
  readonly callId?: (index: number) => string;
}

const numbered = (index: number) => `call_${index}`;

/** Returns a reply as a message. Calls that broke off, and undeclared tools, are left out. */
export function toOpenAI(reply: Reply, { callId = numbered }: OpenAIOptions = {}): OpenAIMessage {
  const { reasoning, content } = reply;
  const calls = reply.calls.flatMap(({ name, json, isComplete }, index): OpenAICall[] =>
    isComplete
      ? [{ id: callId(index), type: "function", function: { name, arguments: json } }]
      : [],
  );
  return {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** Returns what an event adds to the message, or undefined when that is nothing. */
export function toOpenAIDelta(
  event: ReplyEvent,
  { callId = numbered }: OpenAIOptions = {},
): OpenAIDelta | undefined {
  switch (event.type) {
    case "content":
      return { content: event.text };
    case "reasoning":
      return { reasoning_content: event.text };
    case "call": {
      const { call: index, name } = event;
      const call = {
        index,
        id: callId(index),
        type: "function",
        function: { name, arguments: "" },
      };
      return { tool_calls: [call as OpenAICallDelta] };
    }
    case "arguments":
      return { tool_calls: [{ index: event.call, function: { arguments: event.json } }] };
    default:
      return undefined;
  }
}
