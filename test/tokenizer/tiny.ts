/**
 * A tokenizer.json small enough to check by hand: the 256 bytes, two dozen merges, three added
 * tokens, and the pre-tokenizer pattern of GLM-5.2. The id of a byte is the byte.
 * @module
 */
import { CHAR_OF_BYTE } from "../../tokenizer/byte-level.ts";

export const GLM_PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The merges, in the order of their ranks. `Ġ` is the space. */
const MERGES: readonly (readonly [string, string])[] = [
  ...(["th", "he", "in", "er", "an", "lo", "ll"] as const).map(([a, b]) => [a, b] as const),
  ["th", "e"],
  ["Ġ", "the"],
  ["Ġ", "t"],
  ["h", "el"],
  ["e", "l"],
  ["hel", "lo"],
  ["Ġ", "hello"],
  ["Ġ", "Ġ"],
  ["ĠĠ", "ĠĠ"],
  ["1", "2"],
  ["12", "3"],
  ["a", "a"],
  ["aa", "a"],
  ["aa", "aa"],
  ["ä", "½"], // the first two bytes of 你
  ["ä½", "ł"],
];

/** A token that no chain of merges leads to. */
export const UNREACHABLE = "Ġking";

export interface TinyJson {
  [key: string]: unknown;
  model: {
    [key: string]: unknown;
    ignore_merges: unknown;
    vocab: Record<string, number>;
    merges: unknown[];
  };
  added_tokens: Record<string, unknown>[];
}

/** Returns a new copy, which a test may change. */
export function tinyJson(): TinyJson {
  const tokens = [...CHAR_OF_BYTE, ...new Set(MERGES.map(([a, b]) => a + b)), UNREACHABLE];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added = (content: string, i: number, special: boolean) => ({
    ...{ id: tokens.length + i, content, special },
    ...flags,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      added("<|end|>", 0, true),
      added("<think>", 1, false),
      added("<think>ing", 2, false),
    ],
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: GLM_PATTERN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: MERGES.map(([a, b]) => [a, b]),
    },
  };
}
