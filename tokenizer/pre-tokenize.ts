/**
 * Cutting a text into the pieces that BPE may not merge across.
 *
 * Each split isolates its matches: a piece is a match, or the text between two. For GLM-5.2 there
 * is one split, and its pattern leaves nothing between matches; translated (`oniguruma.ts`) it is
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
 * Which characters are letters is a matter of the Unicode version of the runtime. A text with
 * characters younger than the reference's version (16) may be cut elsewhere than there.
 *
 * A run of millions of letters without a break can exceed the stack of the runtime's regular
 * expressions (V8: 4 million CJK characters pass, 8 million do not); that is an error, not a wrong
 * result.
 *
 * @see HF tokenizers `pre_tokenizers/split.rs`, `tokenizer/normalizer.rs` `split` (Isolated)
 * @module Next: `vocabulary.ts`
 */
import { TokenizerError } from "./tokenizer-error.ts";

/**
 * The pieces of `text`, in order, none empty; together they are the text.
 *
 * @param splits applied one after the other; a later one sees only one piece of the one before,
 *   so its lookahead ends where the piece ends
 */
export function preTokenize(text: string, splits: readonly RegExp[]): string[] {
  let pieces = text === "" ? [] : [text];
  for (const split of splits) pieces = pieces.flatMap((piece) => isolate(piece, split));
  return pieces;
}

function isolate(text: string, split: RegExp): string[] {
  const pieces: string[] = [];
  let done = 0;
  for (const match of matches(text, split)) {
    if (match.index > done) pieces.push(text.slice(done, match.index));
    if (match[0] !== "") pieces.push(match[0]);
    done = match.index + match[0].length;
  }
  if (done < text.length) pieces.push(text.slice(done));
  return pieces;
}

function* matches(text: string, split: RegExp): Generator<RegExpExecArray> {
  try {
    yield* text.matchAll(split);
  } catch (cause) {
    const got = `a text of ${text.length} characters: ${String(cause)}`;
    throw new TokenizerError("text", "runs short enough for the pattern", got, { cause });
  }
}
