/**
 * The ways in which servers tell the log-probabilities of tokens that they choose themselves. They serve
 * where no server tells those of a given text: llama-server, and hosted APIs that know chats alone.
 *
 * Next: numbers.ts
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Ask } from "../remote/ask.ts";
import { fieldsOf } from "../remote/fields-of.ts";
import { requestOf } from "./conversations.ts";
import { idsWith } from "./template-faults.ts";
import { choiceOf } from "./text-ways.ts";

/** A token that a server chose. Without `logProb` only which one it is. */
export interface ChosenToken {
  readonly id: number;
  readonly logProb: number | undefined;
}

/** A question with the ids that its reply follows. */
export interface ReplyAsk {
  readonly ask: Ask;
  readonly ids: readonly number[];
}

/** A way to let a server go on with a text. */
export interface ReplyWay {
  /** What it is called, for a report. */
  readonly name: string;
  /** The question: at most `n` tokens, always the likeliest, after a text. */
  ask(ids: readonly number[], n: number, tokenizer: Tokenizer): ReplyAsk;
  /** The tokens of the reply, as far as they are told; undefined where there is no reply. */
  read(json: unknown, tokenizer: Tokenizer): readonly ChosenToken[] | undefined;
}

/** llama-server's own path. */
const COMPLETION: ReplyWay = {
  name: "/completion of llama-server",
  ask: (ids, n) => ({
    ids,
    ask: {
      path: "/completion",
      body: { prompt: ids, n_predict: n, temperature: 0, n_probs: 1, cache_prompt: true },
      ...{ tokensIn: ids.length, tokensOut: n },
    },
  }),
  read: (json, tokenizer) => {
    const { completion_probabilities: told } = fieldsOf(json);
    return Array.isArray(told) ? tokensOf(told, [], tokenizer) : undefined;
  },
};

/** OpenAI's completions, in either form of their log-probabilities. */
const COMPLETIONS: ReplyWay = {
  name: "completions",
  ask: (ids, n) => ({
    ids,
    ask: {
      path: "completions",
      body: { prompt: ids, max_tokens: n, temperature: 0, logprobs: 1 },
      extras: [{ return_token_ids: true }],
      ...{ tokensIn: ids.length, tokensOut: n },
    },
  }),
  read: (json, tokenizer) => readChoice(json, tokenizer),
};

/** Chats, which every server has. The text is what a user says. */
const CHAT: ReplyWay = {
  name: "chats",
  ask: (ids, n, tokenizer) => {
    const content = tokenizer.decode(ids, { skipSpecial: true });
    const chat: ChatRequest = { messages: [{ role: "user", content }], enable_thinking: false };
    const prompt = idsWith([], chat, tokenizer, "protocol");
    return {
      ids: prompt,
      ask: {
        path: "chat/completions",
        body: { ...requestOf(chat), max_tokens: n, temperature: 0 },
        extras: [{ logprobs: true, top_logprobs: 1 }, { return_token_ids: true }],
        ...{ tokensIn: prompt.length, tokensOut: n },
      },
    };
  },
  read: (json, tokenizer) => readChoice(json, tokenizer),
};

/** All ways: those that take ids first, because a chat's prompt may be wrong by itself. */
export const REPLY_WAYS: readonly ReplyWay[] = [COMPLETION, COMPLETIONS, CHAT];

function readChoice(json: unknown, tokenizer: Tokenizer): readonly ChosenToken[] | undefined {
  const { logprobs, token_ids: ids, message, text } = choiceOf(json);
  const { content, tokens, token_logprobs: scores } = fieldsOf(logprobs);
  const known = Array.isArray(ids) ? ids : [];
  if (Array.isArray(content)) return tokensOf(content, known, tokenizer);
  if (Array.isArray(tokens) && Array.isArray(scores)) {
    const items = tokens.map((token, i) => ({ token, logprob: scores[i] }));
    return tokensOf(items, known, tokenizer);
  }
  const said = text ?? fieldsOf(message).content;
  if (typeof said !== "string") return undefined;
  const chosen = known.length > 0 ? known : [...tokenizer.encodeOrdinary(said)];
  return chosen.map((id: number) => ({ id, logProb: undefined }));
}

/** Reads tokens with their log-probabilities, up to the first one that cannot be told from others. */
function tokensOf(
  items: readonly unknown[],
  known: readonly unknown[],
  tokenizer: Tokenizer,
): readonly ChosenToken[] {
  const tokens: ChosenToken[] = [];
  for (const [i, item] of items.entries()) {
    const { id, token, logprob } = fieldsOf(item);
    const named = known[i] ?? id ?? idNamed(token, tokenizer);
    if (typeof named !== "number" || typeof logprob !== "number") break;
    tokens.push({ id: named, logProb: logprob });
  }
  return tokens;
}

/** The token of a name: vLLM's `token_id:N`, or the text of a token. */
function idNamed(name: unknown, tokenizer: Tokenizer): number | undefined {
  if (typeof name !== "string") return undefined;
  const number = /^token_id:(\d+)$/.exec(name)?.[1];
  return number === undefined ? tokenizer.idOf(name) : Number(number);
}
