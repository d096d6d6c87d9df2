/**
 * Token ids → text, one token at a time.
 *
 * A token is a string of bytes, and a character of up to four bytes may be spread over several
 * tokens: `🦙` is three. Bytes that may still become a character are held back; bytes that cannot
 * are U+FFFD, one for each maximal ill-formed subpart. What was given out is never taken back, so
 * the parts joined are the text of the whole.
 *
 * @see The Unicode Standard §3.9, U+FFFD substitution of maximal subparts · Rust `from_utf8_lossy`
 * @module Next: `tokenizer.ts`
 */

/** The text of a growing list of ids. */
export class DecodeStream {
  readonly #bytesOf: (id: number) => Uint8Array;
  // A byte order mark inside a text is a character like any other.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** @param bytesOf empty for a token that is not to be shown; checks the id */
  constructor(bytesOf: (id: number) => Uint8Array) {
    this.#bytesOf = bytesOf;
  }

  /**
   * The text that `id` completes, often empty for half a character.
   *
   * @throws {TokenizerError} when `id` is no token
   */
  push(id: number): string {
    return this.#decoder.decode(this.#bytesOf(id), { stream: true });
  }

  /** What is held back, as U+FFFD; the stream may then be used anew. */
  end(): string {
    return this.#decoder.decode();
  }
}
