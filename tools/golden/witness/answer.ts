/**
 * The log-probabilities in a server's answer, in either of two forms.
 *
 * - vLLM and SGLang have the older form of OpenAI: `{tokens: [name], top_logprobs: [{name: x, …}]}`.
 * - llama-server has the form of OpenAI's chats: `{content: [{id, token, logprob, top_logprobs: [{id,
 *   token, logprob}, …]}]}`.
 * @module
 */
import { fieldsOf } from "../../remote/fields-of.ts";
import { ServerError } from "../../remote/server-error.ts";
import { checkedId, type TokenNames } from "./token-names.ts";

/** What an engine says follows a prefix. */
export interface Answer {
  readonly logprobs: ReadonlyMap<number, number>;
  /** The token that was chosen, or that comes next. It may be there without being a likely one. */
  readonly named?: number;
  /** Whether `named` was chosen, at temperature 0. */
  readonly isChoice: boolean;
}

/** Reads the answers of one response, whose `logprobs` this is. */
export function readAnswers(logprobs: unknown, names: TokenNames, nVocab: number): Answer[] {
  const { content, tokens, top_logprobs: tops } = fieldsOf(logprobs);
  if (Array.isArray(content)) return content.map((item) => fromContent(item, names, nVocab));
  if (!Array.isArray(tokens) || !Array.isArray(tops) || tokens.length !== tops.length) {
    throw lacking("logprobs with tokens and top_logprobs, or with content", logprobs);
  }
  // With echo, the first token of the prompt has no log-probabilities: null.
  return tops.flatMap((top, i) => (top === null ? [] : [fromTop(top, tokens[i], names)]));
}

function fromTop(top: unknown, name: unknown, names: TokenNames): Answer {
  const entries = Object.entries(fieldsOf(top));
  if (entries.length === 0) throw lacking("top_logprobs", top);
  const logprobs = new Map(entries.map(([key, x]) => [names(key), numberOf(x)]));
  return { logprobs, named: names(String(name)), isChoice: true };
}

function fromContent(item: unknown, names: TokenNames, nVocab: number): Answer {
  const { top_logprobs: tops } = fieldsOf(item);
  if (!Array.isArray(tops) || tops.length === 0) throw lacking("top_logprobs", item);
  const idOf = (token: unknown): number => {
    const { id, token: name } = fieldsOf(token);
    return typeof id === "number" ? checkedId(id, nVocab) : names(String(name));
  };
  const logprobs = new Map(tops.map((top) => [idOf(top), numberOf(fieldsOf(top).logprob)]));
  return { logprobs, named: idOf(item), isChoice: true };
}

function numberOf(x: unknown): number {
  if (typeof x === "number") return x;
  throw lacking("log-probabilities that are numbers", x);
}

/** An error that tells what was expected and how the answer begins. */
export function lacking(what: string, got: unknown): ServerError {
  const text = JSON.stringify(got) ?? "nothing";
  return new ServerError("logprobs", "answer", `expected ${what}; got ${text.slice(0, 120)}`);
}
