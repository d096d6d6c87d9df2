/**
 * Who replies in a conversation: a model that runs here, or an engine that runs elsewhere.
 *
 * Next: session-voice.ts
 * @module
 */
import { ArgumentError, type Constraint, type FinishReason } from "../../engine/index.ts";
import {
  collectReply,
  type Message,
  promptIds,
  type Prompt as RenderedPrompt,
  type Reply,
  type ReplyEvent,
  ReplyParser,
  type Tool,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { Keeper } from "./keeper.ts";
import type { ChoiceOptions } from "./text-session.ts";
import { type Effort, thinkingOf } from "./think.ts";

/** One turn, as a voice is asked for it. */
export interface VoiceTurn extends Omit<ChoiceOptions, "stop" | "topLogProbs"> {
  /** The whole conversation up to the reply. */
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[] | undefined;
  readonly think: Effort;
  /** What the reply is held to. */
  readonly constraint?: Constraint | undefined;
}

/** The reply, and how the turn went. */
export interface Turn extends Omit<Reply, "finishReason"> {
  /** Why the reply ended. */
  readonly finishReason: FinishReason;
  /** Tokens of the whole conversation before the reply. */
  readonly promptTokens: number;
  /** Tokens of the reply. */
  readonly replyTokens: number;
  /** Prompt tokens whose rows the caches held already. */
  readonly reusedTokens: number;
}

/** How a reply ended. */
export interface VoiceEnd
  extends Pick<Turn, "finishReason" | "promptTokens" | "replyTokens" | "reusedTokens"> {
  /** The whole reply. */
  readonly reply: Reply;
  /** Its events that are not told yet. */
  readonly last: readonly ReplyEvent[];
}

/** Gives replies. */
export interface Voice {
  /** Whether it can reply without thinking. */
  readonly canSkipThinking: boolean;
  /** Tokens of the conversation that it remembers. */
  readonly contextLength: number;
  /** Keeps the conversation, if somebody does. */
  readonly keeper?: Keeper | undefined;
  /** Gives the events of a reply as they come. What throws leaves the conversation as it was. */
  reply(turn: VoiceTurn): AsyncGenerator<ReplyEvent, VoiceEnd>;
  /** Lets go what it remembers. */
  close(): void;
}

/** The next part of a reply: a token, or text where its tokens are not known. */
export type Part = { readonly id: number } | { readonly text: string };

/** A conversation as our template renders it. */
export interface RenderedTurn {
  readonly prompt: RenderedPrompt;
  readonly ids: readonly number[];
  /** Reads what follows the prompt. */
  readonly parser: ReplyParser;
}

/** Renders a turn. What people and tools have written never becomes a control token. */
export function renderTurn(
  { messages, tools, think }: Pick<VoiceTurn, "messages" | "tools" | "think">,
  template: ChatTemplate,
  tokenizer: Tokenizer,
): RenderedTurn {
  const prompt = template.render({
    messages,
    ...(tools && { tools }),
    ...thinkingOf(template, think),
    clear_thinking: false,
    add_generation_prompt: true,
  });
  const ids = [...promptIds(tokenizer, prompt, { controlTokensIn: "protocol" })];
  const startsIn = prompt.replyStartsIn;
  return { prompt, ids, parser: new ReplyParser(tokenizer, { startsIn, ...(tools && { tools }) }) };
}

/**
 * Reads the parts of a reply as they come.
 *
 * @returns, as the value of the generator, the reply, and how many parts there were
 */
export async function* spokenEvents(
  parts: AsyncGenerator<Part, FinishReason>,
  parser: ReplyParser,
): AsyncGenerator<ReplyEvent, Omit<VoiceEnd, "promptTokens" | "reusedTokens">> {
  const events: ReplyEvent[] = [];
  const noted = (more: readonly ReplyEvent[]): readonly ReplyEvent[] => {
    events.push(...more);
    return more;
  };
  let replyTokens = 0;
  let step = await parts.next();
  try {
    for (; !step.done; step = await parts.next()) {
      replyTokens++;
      const { value } = step;
      yield* noted("id" in value ? parser.push(value.id) : parser.pushText(value.text));
    }
  } finally {
    if (!step.done) await parts.return("aborted"); // nobody wants the rest
  }
  const last = noted(parser.end(step.value === "stop" ? "stop" : "length"));
  return { reply: collectReply(events), last, finishReason: step.value, replyTokens };
}

/** Whether the models of a template can reply without thinking. */
export function canSkipThinking({ format }: ChatTemplate): boolean {
  return format === undefined || format.skipped !== undefined;
}

/** The error of a conversation that no longer fits. */
export function tooLong(nTokens: number, maxContext: number): ArgumentError {
  return new ArgumentError(
    "context",
    `the conversation takes ${nTokens} tokens, the model has ${maxContext} positions; reset begins anew`,
  );
}
