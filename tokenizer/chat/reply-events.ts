/**
 * What a reply consists of, piece by piece.
 * @module Next: `typed-values.ts`
 */
import type { Json } from "./json-value.ts";

/** Events come in the order of the tokens. No text holds a tag. */
export type ReplyEvent =
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "content"; readonly text: string }
  /** A call begins. Its name is whole, and that of a declared tool. */
  | { readonly type: "call"; readonly call: number; readonly name: string }
  /** The next part of the arguments as JSON text; the parts of a complete call are an object. */
  | { readonly type: "arguments"; readonly call: number; readonly json: string }
  | ArgumentEvent
  | CallEndEvent
  /** The model called a tool that was not declared. Nothing else is told of that call. */
  | { readonly type: "unknown-tool"; readonly name: string }
  | { readonly type: "finish"; readonly reason: FinishReason };

/** One argument is complete. */
export interface ArgumentEvent {
  readonly type: "argument";
  readonly call: number;
  readonly key: string;
  readonly value: Json;
}

export interface CallEndEvent {
  readonly type: "call-end";
  /** Calls are counted from 0. */
  readonly call: number;
  readonly arguments: ReadonlyMap<string, Json>;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** `tool_calls` when the model stopped after a call, `length` when it was made to stop. */
export type FinishReason = "stop" | "tool_calls" | "length";
