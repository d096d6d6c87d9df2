/**
 * Reads the reply of a chat, whole or as a stream, into one form.
 *
 * Next: replies.ts
 * @module
 */

import type { Answer } from "../remote/ask.ts";
import { type CallPart, chatPart, textOf } from "../remote/chat-part.ts";
import { fieldsOf } from "../remote/fields-of.ts";

/** A call as the server wrote it. */
export interface ToldCall {
  readonly id: string;
  readonly name: string;
  /** The text of the arguments, or whatever stands in its place. */
  readonly arguments: unknown;
}

/** A reply as the server told it. */
export interface ToldReply {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly ToldCall[];
  readonly finish: string | undefined;
  /** The ids of its tokens, where the server tells them. */
  readonly ids: readonly number[] | undefined;
  /** Tokens of the reply by `usage`. */
  readonly nTokens: number | undefined;
  /** How often `usage` came with numbers. */
  readonly nUsages: number;
  /** The tokens with log-probabilities, where they are told. */
  readonly logprobs: readonly ToldToken[];
}

/** A token with its log-probability. */
export interface ToldToken {
  readonly token: string;
  readonly logprob: number;
  /** The likeliest ones in its place. */
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/** What is collected. */
interface Growing {
  content: string;
  reasoning: string;
  readonly calls: { id: string; name: string; arguments: unknown }[];
  finish: string | undefined;
  ids: number[] | undefined;
  nTokens: number | undefined;
  nUsages: number;
  readonly logprobs: ToldToken[];
}

/** Reads a reply. Undefined when it has none: it is an error, or has another shape. */
export function replyOf({ status, json, text }: Answer): ToldReply | undefined {
  if (status !== 200) return undefined;
  const reply: Growing = {
    ...{ content: "", reasoning: "", calls: [], finish: undefined, ids: undefined },
    ...{ nTokens: undefined, nUsages: 0, logprobs: [] },
  };
  const parts = json === undefined ? eventsOf(text) : [json];
  if (parts === undefined) return undefined;
  let hasChoice = false;
  for (const part of parts) {
    const { choices, usage } = fieldsOf(part);
    const { completion_tokens: n } = fieldsOf(usage);
    if (typeof n === "number") {
      reply.nTokens = n;
      reply.nUsages++;
    }
    const [choice] = Array.isArray(choices) ? choices : [];
    if (choice === undefined) continue;
    hasChoice = true;
    addChoice(reply, fieldsOf(choice));
  }
  return hasChoice ? reply : undefined;
}

/** The objects of a stream. Undefined when it breaks off. */
function eventsOf(text: string): unknown[] | undefined {
  const data = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length).trim());
  if (data.pop() !== "[DONE]") return undefined;
  try {
    return data.map((line) => JSON.parse(line));
  } catch {
    return undefined;
  }
}

function addChoice(reply: Growing, choice: ReturnType<typeof fieldsOf>): void {
  const { token_ids: ids, logprobs } = choice;
  const { content, reasoning, calls, finish } = chatPart(choice);
  reply.content += content;
  reply.reasoning += reasoning;
  reply.finish = finish ?? reply.finish;
  if (Array.isArray(ids)) reply.ids = [...(reply.ids ?? []), ...ids];
  for (const call of calls) addCall(reply.calls, call);
  const { content: tokens } = fieldsOf(logprobs);
  for (const token of Array.isArray(tokens) ? tokens : []) {
    const { top_logprobs: top } = fieldsOf(token);
    reply.logprobs.push({
      ...named(token),
      top: Array.isArray(top) ? top.map(named) : [],
    });
  }
}

function addCall(calls: Growing["calls"], { at, id, name, arguments: args }: CallPart): void {
  const before = calls[at] ?? { id: "", name: "", arguments: "" };
  calls[at] = {
    id: before.id || id,
    name: before.name || name,
    arguments: typeof args === "string" ? `${before.arguments}${args}` : (args ?? before.arguments),
  };
}

function named(token: unknown): { token: string; logprob: number } {
  const { token: name, logprob } = fieldsOf(token);
  return { token: textOf(name), logprob: typeof logprob === "number" ? logprob : Number.NaN };
}
