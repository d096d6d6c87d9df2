/**
 * The bytes of every token, and the token of given bytes.
 *
 * The bytes of all tokens lie in one block, those of token `id` at `starts[id] .. starts[id + 1]`.
 * 150,000 separate arrays would take ten times the megabyte of bytes that they hold.
 *
 * Next: merge-table.ts
 * @module
 */
import { bytesOfToken, CHAR_OF_BYTE, concatBytes, spellingOf } from "./byte-level.ts";
import { at, ROOT } from "./json-fields.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";

/** The tokens of a tokenizer as byte strings. */
export interface Vocabulary {
  /** Number of tokens; their ids are `0..size-1`. */
  readonly size: number;
  /** The token of each single byte. */
  readonly byteIds: Int32Array;
  /**
   * Returns the ordinary token that is exactly these bytes, if there is one. It is never an added
   * token, so a text that was not searched for added tokens cannot become one here.
   */
  idOfBytes(bytes: Uint8Array): number | undefined;
  /** Returns the bytes of a token: a view that must not be written to, and that is never empty. */
  bytesOf(id: number): Uint8Array;
}

/**
 * Makes the vocabulary of a tokenizer.
 *
 * @throws {TokenizerError} when a byte has no token
 */
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

/**
 * Makes the search by bytes. It spells the bytes and looks the spelling up, because an index of
 * 150,000 byte strings would take most of the time of starting.
 */
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
