/**
 * Makes a whole reply of its events, and a message of a reply.
 * @module
 */
import type { AssistantMessage } from "./messages.ts";
import type { Repair } from "./repairs.ts";
import type { CallArguments, FinishReason, ReplyEvent } from "./reply-events.ts";

/** A whole reply. It is plain data, which survives `JSON.stringify` and `structuredClone`. */
export interface Reply {
  /** What the model thought before it answered. */
  readonly reasoning: string;
  /** The answer. */
  readonly content: string;
  /** The calls of declared tools. */
  readonly calls: readonly ReplyCall[];
  /** The calls of tools that were not declared. */
  readonly unknownCalls: readonly ReplyCall[];
  /** What was malformed, and how it was understood. */
  readonly repairs: readonly Repair[];
  /** Why the reply ended. Undefined while it goes on. */
  readonly finishReason: FinishReason | undefined;
  /** Whether the reply ended inside its reasoning, without `</think>`. */
  readonly isThinking: boolean;
}

/** A call in a reply. */
export interface ReplyCall {
  /** The name of the tool. */
  readonly name: string;
  /** The complete arguments by their names. */
  readonly arguments: CallArguments;
  /**
   * The arguments as JSON text, with all digits and in the order of the reply. It is cut off when
   * the call is incomplete.
   */
  readonly json: string;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** Collects the events of one reply. */
export function collectReply(events: Iterable<ReplyEvent>): Reply {
  const text = { reasoning: "", content: "" };
  const calls: ReplyCall[] = [];
  const unknownCalls: ReplyCall[] = [];
  const repairs: Repair[] = [];
  let finishReason: FinishReason | undefined;
  let isThinking = false;
  for (const event of events) {
    const call = calls.at(-1);
    if (event.type === "reasoning" || event.type === "content") text[event.type] += event.text;
    else if (event.type === "call") {
      calls.push({ name: event.name, arguments: {}, json: "", isComplete: false });
    } else if (event.type === "arguments" && call) {
      calls[calls.length - 1] = { ...call, json: call.json + event.json };
    } else if (event.type === "call-end" && call) {
      const { arguments: args, isComplete } = event;
      const json = isComplete ? event.json : call.json;
      calls[calls.length - 1] = { name: call.name, arguments: args, json, isComplete };
    } else if (event.type === "unknown-tool") {
      const { name, arguments: args, json, isComplete } = event;
      unknownCalls.push({ name, arguments: args, json, isComplete });
    } else if (event.type === "repair") repairs.push({ kind: event.kind, text: event.text });
    else if (event.type === "finish") {
      finishReason = event.reason;
      isThinking = event.isThinking;
    }
  }
  return { ...text, calls, unknownCalls, repairs, finishReason, isThinking };
}

/**
 * Returns the message to continue the conversation with. Calls that broke off, and calls of tools
 * that were not declared, are left out, because a model imitates what it reads.
 *
 * The reasoning is kept to the byte, so that a cache of the prompt stays valid. Arguments are JSON
 * text, which keeps their order and their digits where a message is stored as JSON.
 */
export function replyMessage({ reasoning, content, calls }: Reply): AssistantMessage {
  const whole = calls.filter(({ isComplete }) => isComplete);
  return {
    role: "assistant",
    content,
    reasoning_content: reasoning,
    ...(whole.length > 0 && {
      tool_calls: whole.map(({ name, json }) => ({ function: { name, arguments: json } })),
    }),
  };
}
