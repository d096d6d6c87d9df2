/**
 * Finds the added tokens (`<|user|>`, `<think>`, …) in a text.
 *
 * The leftmost match comes first; of several that start at one place, the longest is taken. The
 * search walks a trie over UTF-16 code units. Where no token starts it takes one step per
 * character, so 1,000 tokens cost no more than one.
 *
 * Next: piece-cache.ts
 * @see HF tokenizers `tokenizer/added_vocabulary.rs` (Aho-Corasick, `MatchKind::LeftmostLongest`;
 *   `extract_and_normalize`)
 * @module
 */
import { type Normalizer, normalize } from "./normalize.ts";
import type { AddedToken } from "./tokenizer-json.ts";

/** A place in the trie: the code units from the root to it are the beginning of some token. */
interface Node {
  readonly children: Map<number, Node>;
  /** The token that ends here, if one does. */
  id: number | undefined;
}

/** A stretch of a text: an added token, or the text between two of them. */
export interface Stretch {
  /** The token as it is spelled in the file, or a text that is normalized. */
  readonly text: string;
  /** The id of the token; undefined for a text. */
  readonly id: number | undefined;
}

/** Cuts texts at the added tokens of one tokenizer. */
export class AddedTokens {
  readonly #normalizer: Normalizer;
  readonly #raw: Trie;
  readonly #normalized: Trie;

  constructor(tokens: readonly AddedToken[], normalizer: Normalizer) {
    this.#normalizer = normalizer;
    this.#raw = new Trie();
    this.#normalized = new Trie();
    for (const { content, id, normalized } of tokens) {
      if (normalized) this.#normalized.add(normalize(content, normalizer), id);
      else this.#raw.add(content, id);
    }
  }

  /**
   * Cuts `text` into stretches, in order; none is empty.
   *
   * There are two passes. Most tokens are looked for in the text as it is; those marked
   * `normalized` are looked for in what lies between the others, after normalization.
   */
  *split(text: string): Generator<Stretch> {
    for (const stretch of this.#raw.split(text)) {
      if (stretch.id !== undefined) yield stretch;
      else yield* this.#normalized.split(normalize(stretch.text, this.#normalizer));
    }
  }
}

/** A set of tokens that finds the longest one at any place of a text. */
class Trie {
  readonly #root: Node = { children: new Map(), id: undefined };

  add(content: string, id: number): void {
    let node = this.#root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      let child = node.children.get(unit);
      if (child === undefined) {
        child = { children: new Map(), id: undefined };
        node.children.set(unit, child);
      }
      node = child;
    }
    node.id = id;
  }

  *split(text: string): Generator<Stretch> {
    let done = 0;
    for (let start = 0; start < text.length; start++) {
      const match = this.#longestAt(text, start);
      if (match === undefined) continue;
      if (start > done) yield { text: text.slice(done, start), id: undefined };
      yield { text: text.slice(start, match.end), id: match.id };
      done = match.end;
      start = done - 1;
    }
    if (done < text.length) yield { text: text.slice(done), id: undefined };
  }

  #longestAt(text: string, start: number): { end: number; id: number } | undefined {
    let longest: { end: number; id: number } | undefined;
    let node = this.#root.children.get(text.charCodeAt(start));
    for (let end = start + 1; node !== undefined; end++) {
      if (node.id !== undefined) longest = { end, id: node.id };
      node = node.children.get(text.charCodeAt(end)); // NaN past the end: no such child
    }
    return longest;
  }
}
