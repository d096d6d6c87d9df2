/**
 * Finds tags in a reply that comes as text, piece by piece.
 *
 * A piece may end inside a tag, or between the two halves of a character. Then that part is held
 * back until it is known what it is. So the pieces may be cut anywhere.
 * @module
 */
import type { SpelledTag } from "./reply-tags.ts";

/** A tag, or the text before or after one. */
export type Scanned = string | SpelledTag;

/** Finds tags in a growing text. */
export class TagScanner {
  readonly #tags: readonly SpelledTag[];
  #rest = "";

  constructor(tags: Iterable<SpelledTag>) {
    const longestFirst = [...tags].filter(({ text }) => text !== "");
    this.#tags = longestFirst.sort((a, b) => b.text.length - a.text.length);
  }

  /** Takes the next piece, and returns what is certain by now. */
  push(piece: string): Scanned[] {
    return this.#scan(this.#rest + piece, false);
  }

  /** Returns what was held back. */
  end(): Scanned[] {
    return this.#scan(this.#rest, true);
  }

  #scan(text: string, isEnd: boolean): Scanned[] {
    const found: Scanned[] = [];
    let from = 0; // where the text that is no tag begins
    let at = 0;
    while (at < text.length && (isEnd || !this.#mayGrow(text, at))) {
      const tag = this.#tags.find((item) => text.startsWith(item.text, at));
      if (tag === undefined) at++;
      else {
        if (at > from) found.push(text.slice(from, at));
        found.push(tag);
        at += tag.text.length;
        from = at;
      }
    }
    if (at > from) found.push(text.slice(from, at));
    this.#rest = text.slice(at);
    return found;
  }

  /** Whether more text could make a tag, or a longer one, of what begins at `at`; or a character. */
  #mayGrow(text: string, at: number): boolean {
    if (at === text.length - 1 && /[\ud800-\udbff]/.test(text.charAt(at))) return true;
    const rest = text.length - at;
    return this.#tags.some((tag) => tag.text.length > rest && tag.text.startsWith(text.slice(at)));
  }
}
