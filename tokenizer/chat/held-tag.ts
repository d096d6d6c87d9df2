/**
 * A tag inside a value, whose meaning depends on what follows it.
 *
 * Inside a value a tag is text, so that a tool can write a file about tags. But where `</arg_value>`
 * is missing, `<arg_key>` begins the next argument. So such a tag and the text after it are held
 * back until the next tag tells which it is.
 * @module
 */

/** No key and no name is longer than this. A longer text after the tag is part of the value. */
const MAX_LENGTH = 200;

/** Holds one tag, and the text after it. */
export class HeldTag {
  #tag = "";
  #text = "";

  /** The tag, or the empty text when nothing is held. */
  get tag(): string {
    return this.#tag;
  }

  /** What follows the tag, without blanks at both ends. */
  get name(): string {
    return this.#text.trim();
  }

  /** Holds a tag from now on. */
  hold(tag: string): void {
    this.#tag = tag;
    this.#text = "";
  }

  /** Takes the text after the tag. Returns false when the tag cannot be more than text. */
  add(text: string): boolean {
    this.#text += text;
    return this.#text.length <= MAX_LENGTH;
  }

  /** Returns all that was held, to the letter, and holds it no more. */
  release(): string {
    const all = this.#tag + this.#text;
    this.#tag = "";
    this.#text = "";
    return all;
  }
}
