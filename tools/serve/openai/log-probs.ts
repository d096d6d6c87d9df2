/**
 * Log-probabilities in the two shapes of OpenAI: that of chats, and the older one of texts.
 *
 * Both write the same double wherever they mean the same number, because clients compare them.
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/index.ts";
import type { ScoredId } from "../desk.ts";

/** What stands for a probability of 0, whose logarithm JSON cannot write. */
const LEAST = -9999;

/** The log-probability as it is written. */
function written(logProb: number): number {
  return logProb === Number.NEGATIVE_INFINITY ? LEAST : logProb;
}

/** A token in the shape of chats. */
export interface ChatLogProb {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** A token and the likeliest ones in its place. */
export interface ChatLogProbs extends ChatLogProb {
  readonly top_logprobs: readonly ChatLogProb[];
}

/** Writes a token in the shape of chats. @param asIds whether tokens are named by their ids */
export function chatLogProbs(token: ScoredId, tokenizer: Tokenizer, asIds: boolean): ChatLogProbs {
  const one = (id: number, logProb: number): ChatLogProb => ({
    token: asIds ? idName(id) : tokenizer.decode([id]),
    logprob: written(logProb),
    bytes: [...tokenizer.tokenBytes(id)],
  });
  return {
    ...one(token.id, token.logProb),
    top_logprobs: token.top.map(({ id, logProb }) => one(id, logProb)),
  };
}

/** Tokens in the shape of texts: four lists of the same length. */
export interface TextLogProbs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Readonly<Record<string, number>> | null)[];
  /** Where each token begins in the text, in code points. */
  readonly text_offset: number[];
}

/** Writes tokens in the shape of texts, part by part. */
export class TextLogProbsWriter {
  readonly #tokenizer: Tokenizer;
  readonly #asIds: boolean;
  readonly #decoder: ReturnType<Tokenizer["decodeStream"]>;
  #offset = 0;

  constructor(tokenizer: Tokenizer, asIds: boolean) {
    this.#tokenizer = tokenizer;
    this.#asIds = asIds;
    this.#decoder = tokenizer.decodeStream();
  }

  /** Writes the next tokens. One without a log-probability is the first of a prompt. */
  write(tokens: readonly (ScoredId | { readonly id: number })[]): TextLogProbs {
    const lists: TextLogProbs = {
      tokens: [],
      token_logprobs: [],
      top_logprobs: [],
      text_offset: [],
    };
    for (const token of tokens) {
      lists.tokens.push(this.#name(token.id));
      lists.text_offset.push(this.#offset);
      for (const _ of this.#decoder.push(token.id)) this.#offset++;
      const isScored = "logProb" in token;
      lists.token_logprobs.push(isScored ? written(token.logProb) : null);
      lists.top_logprobs.push(isScored ? this.#top(token) : null);
    }
    return lists;
  }

  /** The likeliest tokens; the token itself is always among them. */
  #top({ id, logProb, top }: ScoredId): Readonly<Record<string, number>> {
    const named = top.map((likely) => [this.#name(likely.id), written(likely.logProb)] as const);
    return Object.fromEntries([...named, [this.#name(id), written(logProb)]]);
  }

  /** A token's text, or its bytes where they are no whole characters. */
  #name(id: number): string {
    if (this.#asIds) return idName(id);
    const bytes = this.#tokenizer.tokenBytes(id);
    try {
      return strict.decode(bytes);
    } catch {
      return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
    }
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function idName(id: number): string {
  return `token_id:${id}`;
}
