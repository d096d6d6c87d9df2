/**
 * The log-probabilities of what the model says. Those of tags, reasoning and calls have no place in a
 * response.
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/index.ts";
import type { ChatHappening } from "../chat-ask.ts";
import { type ChatLogProbs, chatLogProbs } from "../openai/log-probs.ts";

/** Gives the log-probabilities of each part of the text. */
export class SpokenLogProbs {
  readonly #tokenizer: Tokenizer;
  readonly #tags: ReadonlySet<number>;
  /** Those of tokens whose text has not come, because it is no whole character yet. */
  #waiting: ChatLogProbs[] = [];

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#tags = new Set(tokenizer.addedTokens.map(({ id }) => id));
  }

  /** Takes a token, and returns what belongs to the text that it brings. */
  take(happening: Extract<ChatHappening, { type: "token" }>): ChatLogProbs[] {
    const { token, isReasoning, events } = happening;
    const isTag = isReasoning || this.#tags.has(token.id);
    if (isTag || events.some(({ type }) => type !== "content")) {
      this.#waiting = [];
      return [];
    }
    this.#waiting.push(chatLogProbs(token, this.#tokenizer, false));
    return events.length > 0 ? this.rest() : [];
  }

  /** What belongs to the text that comes at the end. */
  rest(): ChatLogProbs[] {
    return this.#waiting.splice(0);
  }
}
