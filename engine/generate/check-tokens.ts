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
 * @param most the positions that model or options allow, and those that there is memory for
 * @throws {TokenError} when an id is out of range
 * @throws {CacheFullError} when there is no room for the last position
 */
export function checkTokens(
  tokens: readonly number[],
  start: number,
  most: { readonly maxContext: number; readonly room: number },
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
  if (wanted > most.maxContext) {
    throw new CacheFullError(
      "context",
      `room for ${most.maxContext} positions, ${wanted} wanted; nothing was run`,
    );
  }
  if (wanted > most.room) throw new CacheFullError("context", noMemory(wanted, most.room));
}

function noMemory(wanted: number, room: number): string {
  return (
    `memory for ${room} positions, ${wanted} wanted; nothing was run. Rows in int8 take a quarter ` +
    "(kv-type, index-type), a file can hold most of them (kv-file, kv-ram), a smaller chunk takes less"
  );
}
