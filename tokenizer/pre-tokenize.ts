/**
 * Cuts a text into pieces. BPE merges within a piece, never across two.
 *
 * Each split isolates its matches: a piece is a match, or the text between two matches. GLM-5.2 has
 * one split, and its pattern leaves nothing between matches. Translated by `oniguruma.ts`, it is
 *
 * ```
 * (?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])   contraction
 * [^\r\n\p{L}\p{N}]?\p{L}+                                      word, with the character before it
 * \p{N}{1,3}                                                    up to three digits
 *  ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*                        punctuation, with its line ends
 * \p{White_Space}*[\r\n]+                                       blanks up to a line end
 * \p{White_Space}+(?!\P{White_Space})                           blanks, but the last before a word
 * \p{White_Space}+                                              blanks
 * ```
 *
 * The Unicode version of the runtime decides which characters are letters. A text with characters
 * that are younger than the version of the reference (16) may be cut differently there.
 *
 * A run of millions of letters can exceed the stack of the runtime's regular expressions. (In V8,
 * 4 million CJK characters pass and 8 million do not.) That is an error, never a wrong result.
 *
 * Next: vocabulary.ts
 * @see HF tokenizers `pre_tokenizers/split.rs`, `tokenizer/normalizer.rs` `split` (Isolated)
 * @module
 */
import { LinearPattern, type Match } from "./linear-pattern.ts";
import { TokenizerError } from "./tokenizer-error.ts";

/** A pattern that cuts: the runtime's own where it is quick, else one that always is. */
export type Splitter = RegExp | LinearPattern;

/**
 * Returns the pieces of `text`, in order. None is empty, and together they are the text. They are cut one
 * by one, as they are asked for: those of a long text would take many times its memory.
 *
 * @param splits applied one after the other. Each sees one piece of the split before at a time, so
 *   its lookahead ends where that piece ends.
 */
export function preTokenize(text: string, splits: readonly Splitter[]): Iterable<string> {
  let pieces: Iterable<string> = text === "" ? [] : [text];
  for (const split of splits) pieces = isolateEach(pieces, split);
  return pieces;
}

function* isolateEach(pieces: Iterable<string>, split: Splitter): Generator<string> {
  for (const piece of pieces) yield* isolate(piece, split);
}

/** Cuts a text before and after every match. */
function* isolate(text: string, split: Splitter): Generator<string> {
  let done = 0;
  for (const match of matches(text, split)) {
    if (match.index > done) yield text.slice(done, match.index);
    if (match[0] !== "") yield match[0];
    done = match.index + match[0].length;
  }
  if (done < text.length) yield text.slice(done);
}

/** @throws {TokenizerError} when a match needs more stack than there is */
function* matches(text: string, split: Splitter): Generator<Match> {
  if (split instanceof LinearPattern) {
    yield* split.matchAll(text);
    return;
  }
  try {
    yield* text.matchAll(split);
  } catch (cause) {
    const got = `a text of ${text.length} characters: ${String(cause)}`;
    throw new TokenizerError("text", "runs short enough for the pattern", got, { cause });
  }
}
