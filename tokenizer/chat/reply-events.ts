/**
 * The events of a reply, piece by piece.
 *
 * Next: typed-values.ts
 * @module
 */
import type { Json } from "./json-value.ts";

/** Events come in the order of the tokens. No text in them holds a tag. */
export type ReplyEvent =
  | TextEvent
  | CallEvent
  | ArgumentsEvent
  | ArgumentEvent
  | CallEndEvent
  | UnknownToolEvent
  | FinishEvent;

/** The reasoning or the content goes on. */
export interface TextEvent {
  /** Which of the two goes on. */
  readonly type: "reasoning" | "content";
  /** The next characters of it. */
  readonly text: string;
}

/** A call begins. */
export interface CallEvent {
  /** Names this kind of event. */
  readonly type: "call";
  /** Number of the call in this reply, from 0 on. */
  readonly call: number;
  /** The whole name of the tool, which is a declared one. */
  readonly name: string;
}

/** The arguments of a call go on, as JSON text. */
export interface ArgumentsEvent {
  /** Names this kind of event. */
  readonly type: "arguments";
  /** Number of the call. */
  readonly call: number;
  /** The next part. All parts of a complete call together are a JSON object. */
  readonly json: string;
}

/** One argument of a call is complete. */
export interface ArgumentEvent {
  /** Names this kind of event. */
  readonly type: "argument";
  /** Number of the call. */
  readonly call: number;
  /** The name of the argument. */
  readonly key: string;
  /** Its value, of the type that the tool declares. */
  readonly value: Json;
}

/** A call ends. */
export interface CallEndEvent {
  /** Names this kind of event. */
  readonly type: "call-end";
  /** Number of the call. */
  readonly call: number;
  /** All complete arguments by their names, in the order of the reply. */
  readonly arguments: ReadonlyMap<string, Json>;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** The model called a tool that was not declared. There are no other events about that call. */
export interface UnknownToolEvent {
  /** Names this kind of event. */
  readonly type: "unknown-tool";
  /** The name that the model wrote. */
  readonly name: string;
}

/** The reply ends. This is the last event. */
export interface FinishEvent {
  /** Names this kind of event. */
  readonly type: "finish";
  /** Why the reply ends. */
  readonly reason: FinishReason;
}

/**
 * Why a reply ends. `tool_calls`: the model stopped after a call. `stop`: it stopped without one.
 * `length`: it was made to stop.
 */
export type FinishReason = "stop" | "tool_calls" | "length";
