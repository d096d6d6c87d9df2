/**
 * Makes a whole reply of its events, and a message of a reply.
 * @module
 */
import type { Json } from "./json-value.ts";
import type { AssistantMessage } from "./messages.ts";
import type { FinishReason, ReplyEvent } from "./reply-events.ts";

/** A whole reply. */
export interface Reply {
  /** What the model thought before it answered. */
  readonly reasoning: string;
  /** The answer. */
  readonly content: string;
  /** The calls of declared tools. */
  readonly calls: readonly ReplyCall[];
  /** Why the reply ended. Undefined while it goes on. */
  readonly finishReason: FinishReason | undefined;
}

/** A call in a reply. */
export interface ReplyCall {
  /** The name of the tool. */
  readonly name: string;
  /** The complete arguments by their names. */
  readonly arguments: ReadonlyMap<string, Json>;
  /** The arguments as JSON text, which is cut off when the call is incomplete. */
  readonly json: string;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** Collects the events of one reply. */
export function collectReply(events: Iterable<ReplyEvent>): Reply {
  let reasoning = "";
  let content = "";
  let finishReason: FinishReason | undefined;
  const calls: { -readonly [K in keyof ReplyCall]: ReplyCall[K] }[] = [];
  for (const event of events) {
    if (event.type === "reasoning") reasoning += event.text;
    if (event.type === "content") content += event.text;
    if (event.type === "finish") finishReason = event.reason;
    if (event.type === "call") {
      calls.push({ name: event.name, arguments: new Map(), json: "", isComplete: false });
    }
    const call = calls.at(-1);
    if (call === undefined) continue;
    if (event.type === "arguments") call.json += event.json;
    if (event.type === "call-end") {
      call.arguments = event.arguments;
      call.isComplete = event.isComplete;
    }
  }
  return { reasoning, content, calls, finishReason };
}

/**
 * Returns the message to continue the conversation with. Calls that broke off are left out, because
 * a model imitates what it reads.
 *
 * The reasoning is kept to the byte, so that a cache of the prompt stays valid.
 */
export function replyMessage({ reasoning, content, calls }: Reply): AssistantMessage {
  const whole = calls.filter(({ isComplete }) => isComplete);
  return {
    role: "assistant",
    content,
    reasoning_content: reasoning,
    ...(whole.length > 0 && {
      tool_calls: whole.map(({ name, arguments: args }) => ({
        function: { name, arguments: args },
      })),
    }),
  };
}
