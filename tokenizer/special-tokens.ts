/**
 * Finding the added tokens (`<|user|>`, `<think>`, …) in a text.
 *
 * Leftmost match first; of several that start at one place, the longest. A trie over UTF-16 code
 * units: one step per character where nothing starts, so 1,000 tokens cost no more than one.
 *
 * @see HF tokenizers `tokenizer/added_vocabulary.rs` (Aho-Corasick, `MatchKind::LeftmostLongest`;
 *   `extract_and_normalize`)
 * @module Next: `piece-cache.ts`
 */
import { type Normalizer, normalize } from "./normalize.ts";
import type { AddedToken } from "./tokenizer-json.ts";

interface Node {
  readonly children: Map<number, Node>;
  /** The token that ends here, if one does. */
  id: number | undefined;
}

/** A stretch of a text: an added token, or (`id === undefined`) the text between two, normalized. */
export interface Stretch {
  readonly text: string;
  readonly id: number | undefined;
}

/** Cuts texts at the added tokens of one tokenizer. */
export class SpecialTokens {
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
   * The stretches of `text`, in order, none empty.
   *
   * Two passes: most tokens are looked for in the text as it is, those marked `normalized` in
   * what lies between, after normalization.
   */
  *split(text: string): Generator<Stretch> {
    for (const stretch of this.#raw.split(text)) {
      if (stretch.id !== undefined) yield stretch;
      else yield* this.#normalized.split(normalize(stretch.text, this.#normalizer));
    }
  }
}

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
