/**
 * A turn becomes a message, and the events of a stream on the way. Both are written by the same code, so a
 * stream and an answer in one piece are the same.
 *
 * Next: messages.ts
 * @module
 */
import { type ChatHappening, isWhole, type ReplyEnd, type Usage } from "../chat-ask.ts";
import { callIds } from "../request-ids.ts";
import { UsageCount } from "../usage-count.ts";
import { Blocks } from "./reply-blocks.ts";
import type {
  MessageEnd,
  MessageEvent,
  MessageUsage,
  ReplyMessage,
  StopReason,
  TokenUsage,
} from "./shapes.ts";

/** How a message is written. */
export interface MessageRules {
  readonly id: string;
  readonly model: string;
  /** Whether reasoning is left out, but for its signature. */
  readonly omitsThinking: boolean;
}

/** Writes one message. */
export class MessageWriter {
  readonly #rules: MessageRules;
  readonly #blocks: Blocks;
  readonly #count = new UsageCount();
  #end = OPEN_END;

  constructor(rules: MessageRules) {
    this.#rules = rules;
    this.#blocks = new Blocks(rules.omitsThinking);
  }

  /** What it cost until now. */
  get usage(): Usage {
    return this.#count.usage;
  }

  /** The message as it is now. */
  get message(): ReplyMessage {
    const { id, model } = this.#rules;
    return {
      id,
      type: "message",
      role: "assistant",
      model,
      content: this.#blocks.blocks,
      ...this.#end,
      usage: { ...usageOf(this.usage), ...NO_BILL },
    };
  }

  /** Takes what happens next, and returns the events that tell it. */
  take(happening: ChatHappening): MessageEvent[] {
    this.#count.take(happening);
    switch (happening.type) {
      case "accepted": {
        const { promptIds } = happening;
        const idOf = callIds(promptIds);
        this.#blocks.callId = (call) => idOf(0, call);
        return [{ type: "message_start", message: this.message }, { type: "ping" }];
      }
      case "token":
        return happening.events.flatMap((event) => this.#blocks.take(event));
      case "end":
        this.#end = endOf(happening.end);
        return [
          ...happening.events.flatMap((event) => this.#blocks.take(event)),
          ...this.#blocks.end(isWhole(happening.end)),
        ];
      case "usage":
        return [
          { type: "message_delta", delta: this.#end, usage: usageOf(happening.usage) },
          { type: "message_stop" },
        ];
      case "begin":
        return [];
    }
  }
}

const OPEN_END: MessageEnd = {
  stop_reason: null,
  stop_sequence: null,
  stop_details: null,
  container: null,
};

/** What another server would bill. */
const NO_BILL: Omit<MessageUsage, keyof TokenUsage> = {
  cache_creation: null,
  inference_geo: null,
  service_tier: null,
};

const STOP_REASONS: Readonly<Record<ReplyEnd["reason"], StopReason>> = {
  stop: "end_turn",
  "stop-text": "stop_sequence",
  tool_calls: "tool_use",
  length: "max_tokens",
  context: "model_context_window_exceeded",
};

function endOf(end: ReplyEnd): MessageEnd {
  const stop_sequence = end.reason === "stop-text" ? end.text : null;
  return { ...OPEN_END, stop_reason: STOP_REASONS[end.reason], stop_sequence };
}

function usageOf(usage: Usage): TokenUsage {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage;
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation_input_tokens: 0,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}
