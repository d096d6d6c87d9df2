/**
 * What `/v1/responses` answers: the response, its items, and the events of a stream.
 *
 * Next: output.ts
 * @see the OpenAPI documents of OpenAI (2.3.0) and of Open Responses (2026-04-24)
 * @module
 */
import type { ChatLogProbs } from "../openai/log-probs.ts";

/** How far something is. */
export type Status = "in_progress" | "completed" | "incomplete";

/** What the model thought. */
export interface ReasoningItem {
  readonly id: string;
  readonly type: "reasoning";
  readonly summary: readonly SummaryPart[];
  /** The text again, for clients that ask for it and send it back. */
  readonly encrypted_content?: string;
}

/** A reasoning as it may be shown. Here it is the whole of it. */
export interface SummaryPart {
  readonly type: "summary_text";
  readonly text: string;
}

/** What the model said. */
export interface MessageItem {
  readonly id: string;
  readonly type: "message";
  readonly status: Status;
  readonly role: "assistant";
  readonly content: readonly TextPart[];
}

/** The text of a message. */
export interface TextPart {
  readonly type: "output_text";
  readonly text: string;
  readonly annotations: readonly [];
  readonly logprobs: readonly ChatLogProbs[];
}

/** A call of a tool. */
export interface CallItem {
  readonly id: string;
  readonly type: "function_call";
  readonly status: Status;
  readonly call_id: string;
  readonly name: string;
  readonly namespace?: string;
  /** JSON text; cut off where the reply was. */
  readonly arguments: string;
}

/** {@inheritDoc ./shapes.ts} */
export type OutputItem = ReasoningItem | MessageItem | CallItem;

/** An event before it has its number. */
export interface UnnumberedEvent {
  readonly type: `response.${string}`;
  readonly [key: string]: unknown;
}

/** One event of a stream. Numbers count from 0. */
export interface ResponseEvent extends UnnumberedEvent {
  readonly sequence_number: number;
}

/** What a response repeats of its request. */
export interface Echo {
  readonly model: string;
  readonly instructions: string | null;
  readonly tools: readonly unknown[];
  readonly tool_choice: unknown;
  readonly parallel_tool_calls: boolean;
  readonly text: unknown;
  readonly temperature: number;
  readonly top_p: number;
  readonly presence_penalty: number;
  readonly frequency_penalty: number;
  readonly top_logprobs: number;
  readonly reasoning: { readonly effort: string | null; readonly summary: string | null };
  readonly max_output_tokens: number | null;
  readonly max_tool_calls: number | null;
  readonly metadata: unknown;
  readonly safety_identifier: string | null;
  readonly prompt_cache_key: string | null;
}

/** The response. All fields are there in every one. */
export interface ResponseObject extends Echo {
  readonly id: string;
  readonly object: "response";
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly status: Status | "failed";
  readonly incomplete_details: { readonly reason: "max_output_tokens" } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly output: readonly OutputItem[];
  readonly usage: ResponseUsage | null;
  readonly previous_response_id: null;
  readonly truncation: "disabled";
  readonly store: false;
  readonly background: false;
  readonly service_tier: "default";
}

/** Tokens that a response took. */
export interface ResponseUsage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}
