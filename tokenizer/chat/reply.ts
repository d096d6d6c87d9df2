/**
 * Events → the reply as a whole, and back into the conversation.
 * @module
 */
import type { Json } from "./json-value.ts";
import type { AssistantMessage } from "./messages.ts";
import type { FinishReason, ReplyEvent } from "./reply-events.ts";

/** A whole reply. */
export interface Reply {
  readonly reasoning: string;
  readonly content: string;
  readonly calls: readonly ReplyCall[];
  /** Undefined while the reply goes on. */
  readonly finishReason: FinishReason | undefined;
}

export interface ReplyCall {
  readonly name: string;
  readonly arguments: ReadonlyMap<string, Json>;
  /** The arguments as JSON text; cut off when the call is incomplete. */
  readonly json: string;
  readonly isComplete: boolean;
}

/** Puts the events of one reply together. */
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
 * The message to go on with. Calls that broke off are left out: a model imitates what it reads.
 *
 * The reasoning is kept to the byte, as a prompt cache needs it.
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
