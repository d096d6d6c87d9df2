/**
 * Ids ⇄ bytes ⇄ text for every token.
 *
 * The bytes of all tokens lie in one block, token `id` at `starts[id] .. starts[id + 1]`: 150,000
 * separate arrays would cost ten times the megabyte of bytes they hold.
 * @module Next: `merge-table.ts`
 */
import { bytesOfSpelling, bytesOfToken, CHAR_OF_BYTE, concatBytes } from "./byte-level.ts";
import { at, ROOT } from "./json-fields.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";

export interface Vocabulary {
  /** Tokens have the ids `0..size-1`. */
  readonly size: number;
  /** The one-byte token of each byte. */
  readonly byteIds: Int32Array;
  /**
   * The ordinary token that is exactly this text. Added tokens are not in it, so text that was
   * not searched for them can never become one here; nor are tokens that are not whole UTF-8.
   */
  readonly idOfText: ReadonlyMap<string, number>;
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
  return { size, byteIds: findByteIds(spec), idOfText: indexTexts(spec, bytesOf), bytesOf };
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

function indexTexts(
  spec: TokenizerSpec,
  bytesOf: (id: number) => Uint8Array,
): ReadonlyMap<string, number> {
  const added = new Set(spec.addedTokens.map(({ id }) => id));
  const texts = new Map<string, number>();
  for (const [token, id] of spec.vocab) {
    if (added.has(id) || bytesOfSpelling(token) === undefined) continue;
    const text = wholeText(bytesOf(id));
    if (text !== undefined) texts.set(text, id);
  }
  return texts;
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Not a search for U+FFFD in a lossy text: some tokens hold that very character. */
function wholeText(bytes: Uint8Array): string | undefined {
  if (bytes.every((byte) => byte < 0x80)) return String.fromCharCode(...bytes); // most tokens
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}
