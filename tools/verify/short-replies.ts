/**
 * The prompts of the gate of sampling, and how they are asked.
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import type { Ask } from "../remote/ask.ts";
import { replyOf, type ToldReply } from "./chat-reply.ts";
import { requestOf } from "./conversations.ts";
import { each, type Probe, type Reference } from "./gate.ts";
import { idsWith } from "./template-faults.ts";

/** The likeliest tokens that are asked for. */
const TOP = 5;

/** Tokens of a short reply. */
export const SHORT = 6;

/** The prompts. The one with the least certain beginning is used for most. */
export const PROMPTS = [
  "Tell me a story about something.",
  "Say one word.",
  "Name an animal.",
  "Write a sentence about a day.",
] as const;

/** A prompt without thinking. */
export const chatOf = (text: string): ChatRequest => ({
  messages: [{ role: "user", content: text }],
  enable_thinking: false,
});

/** The tokens of a prompt. */
export function lengthOf(text: string, { tokenizer }: Reference): number {
  return idsWith([], chatOf(text), tokenizer, "protocol").length;
}

/** A prompt with the greedy reply to it. */
export interface Ground {
  readonly prompt: string;
  readonly greedy: ToldReply;
  /** The first token of it. */
  readonly first: string;
  /** By how much its log-probability leads; undefined where none are told. */
  readonly lead: number | undefined;
  /** Its probability, where it is told. */
  readonly probability: number | undefined;
}

/** Asks for a reply. Undefined when the server refuses it. */
export async function reply(
  { ask, reference, seed }: Probe,
  prompt: string,
  fields: object,
  maxTokens: number = SHORT,
): Promise<ToldReply | undefined> {
  const question: Ask = {
    path: "chat/completions",
    body: { ...requestOf(chatOf(prompt)), max_tokens: maxTokens, seed, ...fields },
    extras: [{ logprobs: true, top_logprobs: TOP }, { return_token_ids: true }],
    tokensIn: lengthOf(prompt, reference),
    tokensOut: maxTokens,
  };
  return replyOf(await ask(question));
}

/** The answers to the same question with other fields. Undefined when the server refuses one. */
export async function replies(
  probe: Probe,
  prompt: string,
  fields: readonly object[],
  maxTokens?: number,
): Promise<ToldReply[] | undefined> {
  const [one, ...others] = fields;
  const first = await reply(probe, prompt, one, maxTokens);
  if (first === undefined) return undefined;
  const more = await each(probe, others, (other) => reply(probe, prompt, other, maxTokens));
  const all = [first, ...more.flatMap((other) => other ?? [])];
  return all.length < fields.length ? undefined : all;
}
