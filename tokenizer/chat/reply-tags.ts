/**
 * Says what each token means in a reply.
 *
 * Next: parse.ts
 * @module
 */
import type { Tokenizer } from "../tokenizer.ts";
import { controlIds } from "./control-tokens.ts";

/** The tags that structure a reply. */
// biome-ignore format: opening and closing
const STRUCTURE = [
  "<think>", "</think>", "<tool_call>", "</tool_call>",
  "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
] as const;

/** A tag, the end of the reply, or a control token that means nothing here and has no text. */
export type ReplyTag = (typeof STRUCTURE)[number] | "stop" | "silent";

/** The tokens that end a reply: the model says who speaks next, or that the text is over. */
const STOPS = ["<|endoftext|>", "<|user|>", "<|observation|>"] as const;

/** Added tokens that are words. In a path like `src/nothink.ts`, this one must not vanish. */
const WORDS: readonly string[] = ["/nothink"];

/** A tag as it stands in a reply. */
export interface SpelledTag {
  readonly tag: ReplyTag;
  /** How its token is spelled. */
  readonly text: string;
}

/**
 * Returns the meaning of each token that is not text.
 *
 * @throws {TokenizerError} when the tokenizer lacks one of the tags
 */
export function replyTags(tokenizer: Tokenizer): ReadonlyMap<number, SpelledTag> {
  const idOf = controlIds(tokenizer);
  const meaning = new Map<number, ReplyTag>();
  for (const tag of STRUCTURE) meaning.set(idOf.get(tag) as number, tag);
  for (const stop of STOPS) meaning.set(idOf.get(stop) as number, "stop");
  for (const id of tokenizer.eosIds) meaning.set(id, "stop");
  const tags = new Map<number, SpelledTag>();
  for (const { id, content } of tokenizer.addedTokens) {
    if (!WORDS.includes(content) || meaning.has(id)) {
      tags.set(id, { tag: meaning.get(id) ?? "silent", text: content });
    }
  }
  // An end token of the config may be an ordinary token, which no text spells as a tag.
  for (const [id, tag] of meaning) {
    if (!tags.has(id)) tags.set(id, { tag, text: "" });
  }
  return tags;
}

/**
 * Returns the ids that end a reply.
 *
 * @throws {TokenizerError} when the tokenizer lacks one of the tags
 */
export function replyStopIds(tokenizer: Tokenizer): number[] {
  return [...replyTags(tokenizer)].flatMap(([id, { tag }]) => (tag === "stop" ? [id] : []));
}

/** Whether a tag, where `<arg_value>` is missing, already belongs to the value. */
export function opensValue(tag: ReplyTag): boolean {
  return tag === "<think>" || tag === "</think>" || tag === "silent";
}
