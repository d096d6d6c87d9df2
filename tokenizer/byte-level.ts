/**
 * The byte-level alphabet of GPT-2: one printable character for each of the 256 bytes.
 *
 * Tokens are byte strings, but a tokenizer.json can hold text only, so it spells the bytes. Bytes
 * 33–126, 161–172 and 174–255 are spelled as the Latin-1 characters that they are; the other 68, in
 * ascending order, are U+0100, U+0101, … So a space is `Ġ` (U+0120) and a newline is `Ċ` (U+010A).
 *
 * Next: vocabulary.ts
 * @see openai/gpt-2 `src/encoder.py` `bytes_to_unicode` · HF tokenizers
 *   `pre_tokenizers/byte_level.rs`
 * @module
 */

/** The character that stands for each byte. */
export const CHAR_OF_BYTE: readonly string[] = alphabet();

/** The byte of each character, by its code; -1 for characters outside the alphabet. */
const BYTE_OF_CODE: Int16Array = new Int16Array(0x200).fill(-1);
CHAR_OF_BYTE.forEach((char, byte) => {
  BYTE_OF_CODE[char.charCodeAt(0)] = byte;
});

const encoder = new TextEncoder();

/** Returns the bytes that `token` spells, or undefined when a character is not in the alphabet. */
export function bytesOfSpelling(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CODE[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** Spells bytes in the alphabet. */
export function spellingOf(bytes: Uint8Array): string {
  let spelling = "";
  for (const byte of bytes) spelling += CHAR_OF_BYTE[byte];
  return spelling;
}

/**
 * Returns the bytes that a token stands for in decoded text.
 *
 * This holds for added tokens too. Like the reference, it takes an added token for a spelling when
 * all of its characters belong to the alphabet, and for plain text otherwise.
 *
 * @see HF tokenizers `pre_tokenizers/byte_level.rs` `decode_chain`
 */
export function bytesOfToken(token: string): Uint8Array {
  return bytesOfSpelling(token) ?? encoder.encode(token);
}

/** Joins `parts`, one after the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

function alphabet(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let moved = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : moved++),
  );
}
