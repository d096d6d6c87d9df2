/**
 * Checks token ids before a model runs them.
 *
 * Next: session.ts
 * @module
 */

import { GlmError } from "../base/errors.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { CacheFullError } from "../kv/cache-error.ts";

/** The error for a token id that the model does not have. It is thrown before anything runs. */
export class TokenError extends GlmError {
  override readonly name = "TokenError";
  readonly code = "tokens";
}

/**
 * Checks that the model has these token ids, and that the context has room for them.
 *
 * @param start position of the first of `tokens`
 * @throws {TokenError} when an id is out of range
 * @throws {CacheFullError} when the last position would not be below `maxContext`
 */
export function checkTokens(
  tokens: readonly number[],
  start: number,
  maxContext: number,
  { vocabSize }: Pick<ModelConfig, "vocabSize">,
): void {
  tokens.forEach((token, i) => {
    if (!(Number.isInteger(token) && token >= 0 && token < vocabSize)) {
      throw new TokenError(
        `token at position ${start + i}`,
        `expected an id of 0 … ${vocabSize - 1}, got ${token}`,
      );
    }
  });
  const wanted = start + tokens.length;
  if (wanted > maxContext) {
    throw new CacheFullError(
      "context",
      `room for ${maxContext} positions, ${wanted} wanted; nothing was run`,
    );
  }
}
