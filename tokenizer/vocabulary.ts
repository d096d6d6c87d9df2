/**
 * Ids ⇄ bytes ⇄ text for every token.
 *
 * The bytes of all tokens lie in one block, token `id` at `starts[id] .. starts[id + 1]`: 150,000
 * separate arrays would cost ten times the megabyte of bytes they hold.
 * @module Next: `merge-table.ts`
 */
import { bytesOfToken, CHAR_OF_BYTE, concatBytes, spellingOf } from "./byte-level.ts";
import { at, ROOT } from "./json-fields.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";

export interface Vocabulary {
  /** Tokens have the ids `0..size-1`. */
  readonly size: number;
  /** The one-byte token of each byte. */
  readonly byteIds: Int32Array;
  /**
   * The ordinary token that is exactly these bytes. Added tokens are never it, so text that was not
   * searched for them can never become one here.
   */
  idOfBytes(bytes: Uint8Array): number | undefined;
  /** A view, not to be written to, and not empty for any id in range. */
  bytesOf(id: number): Uint8Array;
}

/** @throws {TokenizerError} when a byte has no token */
export function createVocabulary(spec: TokenizerSpec): Vocabulary {
  const { size } = spec;
  const tokens = new Array<string>(size);
  for (const [token, id] of spec.vocab) tokens[id] = token;
  for (const { content, id } of spec.addedTokens) tokens[id] = content;

  const parts = tokens.map(bytesOfToken);
  const bytes = concatBytes(parts);
  const starts = new Int32Array(size + 1);
  parts.forEach((part, id) => {
    starts[id + 1] = (starts[id] as number) + part.length;
  });
  const bytesOf = (id: number): Uint8Array => bytes.subarray(starts[id], starts[id + 1]);
  return { size, byteIds: findByteIds(spec), idOfBytes: finder(spec), bytesOf };
}

function findByteIds(spec: TokenizerSpec): Int32Array {
  return Int32Array.from(CHAR_OF_BYTE, (char, byte) => {
    const id = spec.vocab.get(char);
    if (id === undefined) {
      const path = at(at(ROOT, "model"), "vocab");
      throw new TokenizerError(path, `a token ${show(char)} for byte ${byte}`, "none");
    }
    return id;
  });
}

/** Spells the bytes and looks that up: an index of 150,000 texts would be most of the start-up. */
function finder({ vocab, addedTokens }: TokenizerSpec): Vocabulary["idOfBytes"] {
  const added = new Set(addedTokens.map(({ id }) => id));
  let longest = 0;
  for (const token of vocab.keys()) longest = Math.max(longest, token.length);
  return (bytes) => {
    if (bytes.length > longest) return undefined;
    const id = vocab.get(spellingOf(bytes));
    return id === undefined || added.has(id) ? undefined : id;
  };
}
