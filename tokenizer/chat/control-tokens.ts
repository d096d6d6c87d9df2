/**
 * The control tokens of the chat protocol.
 * @module
 */
import type { Tokenizer } from "../tokenizer.ts";
import { TokenizerError } from "../tokenizer-error.ts";

/** All control tokens, as they are spelled. */
// biome-ignore format: by what they are for
export const CONTROL_TOKENS = [
  "[gMASK]", "<sop>",
  "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>",
  "<think>", "</think>",
  "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
  "<tool_response>", "</tool_response>",
] as const;

/** One of them. */
export type ControlToken = (typeof CONTROL_TOKENS)[number];

/**
 * Returns the id of each control token.
 *
 * @throws {TokenizerError} when the tokenizer lacks one: it is of another family
 */
export function controlIds(tokenizer: Tokenizer): ReadonlyMap<ControlToken, number> {
  const added = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]));
  return new Map(
    CONTROL_TOKENS.map((token) => {
      const id = added.get(token);
      if (id === undefined)
        throw new TokenizerError("tokenizer", `the added token ${token}`, "none");
      return [token, id];
    }),
  );
}
