/**
 * The events of a reply, piece by piece.
 *
 * Next: typed-values.ts
 * @module
 */
import type { Repair } from "./repairs.ts";

/**
 * Events come in the order of the tokens. All that they hold is plain data, which survives
 * `JSON.stringify` and `structuredClone`. Where digits past 2^53 or the order of keys like `"10"`
 * matter, take the JSON text.
 */
export type ReplyEvent =
  | TextEvent
  | CallEvent
  | ArgumentsEvent
  | ArgumentEvent
  | CallEndEvent
  | UnknownToolEvent
  | RepairEvent
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
  readonly value: unknown;
  /** The same value as JSON text. */
  readonly json: string;
}

/** A call ends. */
export interface CallEndEvent {
  /** Names this kind of event. */
  readonly type: "call-end";
  /** Number of the call. */
  readonly call: number;
  /** All complete arguments by their names. Of an argument that was given twice, the last value. */
  readonly arguments: CallArguments;
  /** The same arguments as JSON text, in the order of the reply. */
  readonly json: string;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** The arguments of a call by their names. */
export type CallArguments = Readonly<Record<string, unknown>>;

/** The model called a tool that was not declared. This is the only event about that call. */
export interface UnknownToolEvent {
  /** Names this kind of event. */
  readonly type: "unknown-tool";
  /** The name that the model wrote. */
  readonly name: string;
  /** All complete arguments by their names, of the types that their texts look like. */
  readonly arguments: CallArguments;
  /** The same arguments as JSON text, in the order of the reply. */
  readonly json: string;
  /** False when the reply broke off inside the call. */
  readonly isComplete: boolean;
}

/** A part of the reply is malformed, and was understood all the same. */
export interface RepairEvent extends Repair {
  /** Names this kind of event. */
  readonly type: "repair";
}

/** The reply ends. This is the last event. */
export interface FinishEvent {
  /** Names this kind of event. */
  readonly type: "finish";
  /** Why the reply ends. */
  readonly reason: FinishReason;
  /** Whether the reply ended inside its reasoning, so that it holds no answer. */
  readonly isThinking: boolean;
}

/**
 * Why a reply ends. `tool_calls`: the model stopped after a call. `stop`: it stopped without one.
 * `length`: it was made to stop.
 */
export type FinishReason = "stop" | "tool_calls" | "length";
