/**
 * Turns token ids into text, one token at a time.
 *
 * A token is a string of bytes, and the bytes of one character may be spread over several tokens:
 * `🦙` is three. Bytes that may still become a character are held back. Bytes that cannot become one
 * are shown as U+FFFD, one for each maximal ill-formed subpart. Text that was returned is never
 * taken back, so all parts together are the text of the whole list.
 *
 * Next: tokenizer.ts
 * @see The Unicode Standard §3.9, U+FFFD substitution of maximal subparts · Rust `from_utf8_lossy`
 * @module
 */

/** Returns the text of a growing list of ids, part by part. */
export class DecodeStream {
  readonly #bytesOf: (id: number) => Uint8Array;
  // With ignoreBOM, a byte order mark is a character like any other and is not dropped.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** @param bytesOf checks an id and returns its bytes, none where the token shall not be shown */
  constructor(bytesOf: (id: number) => Uint8Array) {
    this.#bytesOf = bytesOf;
  }

  /**
   * Takes the next id and returns the text that it completes. That is empty while a character is
   * incomplete.
   *
   * @throws {TokenizerError} when `id` is no token
   */
  push(id: number): string {
    return this.#decoder.decode(this.#bytesOf(id), { stream: true });
  }

  /** Returns what was held back, as U+FFFD. The stream can then be used for another list. */
  end(): string {
    return this.#decoder.decode();
  }
}
