/**
 * What `/v1/messages` answers: the message, its blocks, and the events of a stream.
 *
 * Next: events.ts
 * @see the OpenAPI document of Anthropic
 * @module
 */

/** A block of a reply. */
export type ReplyBlock =
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "text"; readonly text: string; readonly citations: readonly [] }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
      readonly caller: { readonly type: "direct" };
    };

/** Why a reply ended. */
export type StopReason =
  | "end_turn"
  | "tool_use"
  | "max_tokens"
  | "stop_sequence"
  | "model_context_window_exceeded";

/** How a reply ended. */
export interface MessageEnd {
  readonly stop_reason: StopReason | null;
  readonly stop_sequence: string | null;
  readonly stop_details: null;
  readonly container: null;
}

/** Tokens that a reply took; `input_tokens` are those that had not been read before. */
export interface TokenUsage {
  readonly input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: 0;
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly thinking_tokens: number } | null;
  readonly server_tool_use: null;
}

/** {@inheritDoc TokenUsage} */
export interface MessageUsage extends TokenUsage {
  readonly cache_creation: null;
  readonly inference_geo: null;
  readonly service_tier: null;
}

/** A reply. */
export interface ReplyMessage extends MessageEnd {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
  readonly content: readonly ReplyBlock[];
  readonly usage: MessageUsage;
}

/** What a delta adds to a block. */
export type BlockDelta =
  | { readonly type: "thinking_delta"; readonly thinking: string }
  | { readonly type: "signature_delta"; readonly signature: string }
  | { readonly type: "text_delta"; readonly text: string }
  | { readonly type: "input_json_delta"; readonly partial_json: string };

/** An event of a stream. */
export type MessageEvent =
  | { readonly type: "message_start"; readonly message: ReplyMessage }
  | { readonly type: "ping" }
  | {
      readonly type: "content_block_start";
      readonly index: number;
      readonly content_block: ReplyBlock;
    }
  | { readonly type: "content_block_delta"; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: "content_block_stop"; readonly index: number }
  | { readonly type: "message_delta"; readonly delta: MessageEnd; readonly usage: TokenUsage }
  | { readonly type: "message_stop" };
