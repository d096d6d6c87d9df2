/**
 * A turn of a chat as all APIs ask for it. Each API turns its requests into this form, and what comes back
 * into its own.
 *
 * Next: chat-reply.ts
 * @module
 */
import type { SamplingOptions } from "../../engine/index.ts";
import type { ChatRequest, JsonObject, ReplyEvent } from "../../tokenizer/chat/index.ts";
import type { Grammar, ToolChoice } from "../constrain/grammar.ts";
import type { ScoredId } from "./desk.ts";
import type { MetaInfo, TraceAsk } from "./row-traces.ts";

/** One turn. */
export interface ChatAsk {
  /**
   * Messages, tools and how the model thinks; JSON of unknown origin is checked when it is rendered.
   * Maps of `parseJson` keep the order of keys and the digits of numbers.
   */
  readonly chat: ChatRequest | JsonObject;
  readonly toolChoice: ToolChoice;
  /** Whether there may be more than one call. */
  readonly parallel: boolean;
  /** The form of the content, if it has one. */
  readonly content: Grammar | undefined;
  /** The most tokens; undefined: to the end of the context. More than there is room for is clipped. */
  readonly maxTokens: number | undefined;
  readonly minTokens: number;
  /** Texts that end the content, and are not part of it. */
  readonly stop: readonly string[];
  /** Whether the text that ended the content is part of it all the same. */
  readonly includeStop: boolean;
  /** Ids that end the reply, besides the model's own. */
  readonly stopIds: readonly number[];
  /** Whether the model's own stop ids end nothing. */
  readonly ignoreEos: boolean;
  readonly sampling: SamplingOptions;
  readonly seed: number;
  readonly n: number;
  /** How many of the most probable ids are wanted with each token; undefined: no log-probabilities. */
  readonly topLogProbs: number | undefined;
  /** What is to be told of the rows of prompt and replies. */
  readonly trace?: TraceAsk | undefined;
}

/** Why a reply ended, for the APIs. */
export type ReplyEnd =
  /** The model stopped. */
  | { readonly reason: "stop" }
  /** A text of `stop` came. */
  | { readonly reason: "stop-text"; readonly text: string }
  /** The model stopped after a call. */
  | { readonly reason: "tool_calls" }
  /** `maxTokens` was reached. */
  | { readonly reason: "length" }
  /** The context is full. */
  | { readonly reason: "context" };

/** Whether the model came to an end of its own, or to a text that it was to stop at. */
export function isWhole({ reason }: ReplyEnd): boolean {
  return reason !== "length" && reason !== "context";
}

/** What a turn brings, in order. */
export type ChatHappening =
  /** It is taken, and waits for its place. What is wrong with a request is found before this. */
  | {
      readonly type: "accepted";
      readonly promptIds: readonly number[];
      /** What the replies begin with: reasoning, unless thinking is off. */
      readonly startsIn: "reasoning" | "content";
    }
  /** The prompt is being read; `cachedTokens` of it had been read before. */
  | { readonly type: "begin"; readonly promptTokens: number; readonly cachedTokens: number }
  /** A token of a reply, with the events of the parser that it brought. `finish` is not among them. */
  | {
      readonly type: "token";
      readonly choice: number;
      readonly token: ScoredId;
      /** Whether it came before the end of the reasoning, which may be this token. */
      readonly isReasoning: boolean;
      readonly events: readonly ReplyEvent[];
    }
  /** A reply is at its end; the events are the last ones, without `finish`. */
  | {
      readonly type: "end";
      readonly choice: number;
      readonly events: readonly ReplyEvent[];
      readonly end: ReplyEnd;
      /** What the layers chose, if that was asked for. */
      readonly meta?: MetaInfo;
    }
  /** All replies are at their end. */
  | { readonly type: "usage"; readonly usage: Usage };

/** What a request cost, in tokens. */
export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens that had been run before. */
  readonly cachedTokens: number;
  /** All tokens that were chosen, stop ids too. */
  readonly completionTokens: number;
  /** Those of them that were reasoning. */
  readonly reasoningTokens: number;
}
