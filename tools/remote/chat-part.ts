/**
 * Reads what one answer, or one event of a stream, of a chat says: OpenAI's form, and the two names under
 * which servers tell reasoning.
 *
 * Next: template-voice.ts
 * @module
 */
import { fieldsOf } from "./fields-of.ts";

/** A part of a call. */
export interface CallPart {
  /** The number of the call in its reply. */
  readonly at: number;
  /** Empty in the parts after the first. */
  readonly id: string;
  /** Empty in the parts after the first. */
  readonly name: string;
  /** More text of the arguments, or whatever stands in its place. */
  readonly arguments: unknown;
}

/** What is said. */
export interface ChatPart {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly CallPart[];
  /** Why the reply ended, at its end. */
  readonly finish: string | undefined;
}

/** Reads a choice: a whole message, or a delta. */
export function chatPart(choice: unknown): ChatPart {
  const { message, delta, finish_reason: finish } = fieldsOf(choice);
  const { content, reasoning_content, reasoning, tool_calls } = fieldsOf(message ?? delta);
  return {
    content: textOf(content),
    reasoning: textOf(reasoning_content ?? reasoning),
    calls: (Array.isArray(tool_calls) ? tool_calls : []).map(callPart),
    finish: typeof finish === "string" ? finish : undefined,
  };
}

function callPart(call: unknown, place: number): CallPart {
  const { index, id, function: called } = fieldsOf(call);
  const { name, arguments: args } = fieldsOf(called);
  return {
    at: typeof index === "number" ? index : place,
    id: textOf(id),
    name: textOf(name),
    arguments: args,
  };
}

/** The text; of anything else, an empty one. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
