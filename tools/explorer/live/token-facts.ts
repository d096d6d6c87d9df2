/**
 * Tokens as the page shows them.
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/index.ts";
import type { TokenChance, TokenFacts } from "../messages.ts";

/** Tokens in the order of a text. Each is a piece of its own, unless `pieces` has the number of its piece. */
export function tokenFacts(
  tokenizer: Tokenizer,
  ids: readonly number[],
  pieces?: readonly number[],
): TokenFacts[] {
  const control = new Set(tokenizer.addedTokens.map(({ id }) => id));
  const stream = tokenizer.decodeStream();
  const texts = ids.map((id) => stream.push(id));
  if (texts.length > 0) texts[texts.length - 1] += stream.end();
  return ids.map((id, i) => ({
    id,
    text: texts[i],
    bytes: tokenizer.tokenBytes(id),
    isControl: control.has(id),
    piece: pieces?.[i] ?? i,
  }));
}

/** The tokens of a text, after those that stand before every text. */
export function tokensOfText(
  tokenizer: Tokenizer,
  start: readonly number[],
  text: string,
): TokenFacts[] {
  const ids = [...start];
  const pieces = start.map((_, i) => i);
  for (const piece of tokenizer.eachPiece(text)) {
    const number = (pieces.at(-1) ?? -1) + 1;
    for (const id of piece.ids) {
      ids.push(id);
      pieces.push(number);
    }
  }
  return tokenFacts(tokenizer, ids, pieces);
}

/** One token with its probability. Without a tokenizer, its number stands for its text. */
export function tokenChance(tokenizer: Tokenizer | undefined, id: number, p: number): TokenChance {
  return { id, text: tokenizer ? tokenizer.decode([id]) : `#${id}`, p };
}
