/**
 * A tokenizer of bytes with the control tokens of GLM-5.2, and replies parsed with it.
 * @module
 */

import { CONTROL_TOKENS } from "../../../tokenizer/chat/control-tokens.ts";
import {
  collectReply,
  type Reply,
  type ReplyEvent,
  ReplyParser,
  type ReplyParserOptions,
} from "../../../tokenizer/chat/index.ts";
import { createTokenizer, type Tokenizer } from "../../../tokenizer/index.ts";
import { tinyJson } from "../tiny.ts";

/** Control tokens of GLM-5.2 that the protocol does not use. */
export const OTHER_TOKENS = ["[MASK]", "<|begin_of_box|>", "<|image|>", "/nothink"];

export const tinyTokenizer: Tokenizer = makeTokenizer();

function makeTokenizer(): Tokenizer {
  const json = tinyJson();
  const first = json.added_tokens[0] as { id: number };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  json.added_tokens = [...CONTROL_TOKENS, ...OTHER_TOKENS].map((content, i) => ({
    ...{ id: first.id + i, content, special: content.startsWith("<|") },
    ...flags,
  }));
  return createTokenizer(json, { paddedVocabSize: 512 });
}

/** Returns the events of the reply that `text` spells. */
export function events(text: string, options: ReplyParserOptions = {}): ReplyEvent[] {
  const parser = new ReplyParser(tinyTokenizer, options);
  return [...parser.push(...tinyTokenizer.encode(text)), ...parser.end()];
}

/** A reply as short as can be written. */
export interface ShortReply {
  readonly reasoning?: string;
  readonly content?: string;
  /** Name and arguments as plain values. A third item says that the call broke off. */
  readonly calls?: readonly (readonly unknown[])[];
  readonly unknown?: readonly string[];
  readonly finish: string | undefined;
}

/** Returns the reply that `text` spells. */
export function shortReply(text: string, options: ReplyParserOptions = {}): ShortReply {
  const all = events(text, options);
  const unknown = all.flatMap((event) => (event.type === "unknown-tool" ? [event.name] : []));
  const reply: Reply = collectReply(all);
  const { reasoning, content, calls, finishReason } = reply;
  return {
    ...(reasoning !== "" && { reasoning }),
    ...(content !== "" && { content }),
    ...(calls.length > 0 && {
      calls: calls.map((call) => {
        const short = [call.name, call.isComplete ? JSON.parse(call.json) : call.json];
        return call.isComplete ? short : [...short, "cut"];
      }),
    }),
    ...(unknown.length > 0 && { unknown }),
    finish: finishReason,
  };
}
