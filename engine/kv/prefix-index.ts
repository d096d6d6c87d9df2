/**
 * Finds full pages by their tokens, so that a new timeline can begin with pages of another one.
 *
 * Two pages hold the same rows only if all tokens before them were the same too. So a page is known
 * by its own tokens and by the page before it. A hash of both finds it, but the comparison of the
 * tokens and of the page before decides.
 *
 * Next: page-table.ts
 * @see vLLM, automatic prefix caching (hash of the parent block and of this block's tokens)
 * @module
 */

/** Stands for the page before the first. */
export const NO_PAGE = -1;

/** What is known of a page. */
interface Entry {
  readonly hash: number;
  readonly parent: number;
  readonly tokens: readonly number[];
}

/** Full pages by their tokens. */
export class PrefixIndex {
  readonly #entries = new Map<number, Entry>();
  readonly #byHash = new Map<number, number[]>();

  /**
   * Remembers the tokens of a page and the page before it. A page that is known keeps its entry.
   */
  add(page: number, parent: number, tokens: readonly number[]): void {
    if (this.#entries.has(page)) return;
    const hash = this.#hash(parent, tokens);
    this.#entries.set(page, { hash, parent, tokens });
    this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), page]);
  }

  /** Forgets a page, whose bytes go or will change. */
  remove(page: number): void {
    const entry = this.#entries.get(page);
    if (!entry) return;
    this.#entries.delete(page);
    const others = this.#byHash.get(entry.hash)?.filter((other) => other !== page) ?? [];
    if (others.length > 0) this.#byHash.set(entry.hash, others);
    else this.#byHash.delete(entry.hash);
  }

  /** Returns a page that holds these tokens after page `parent`, if there is one. */
  find(parent: number, tokens: readonly number[]): number | undefined {
    return this.#byHash.get(this.#hash(parent, tokens))?.find((page) => {
      const entry = this.#entries.get(page);
      return entry?.parent === parent && tokens.every((token, i) => token === entry.tokens[i]);
    });
  }

  /** The tokens of a page that is known. */
  tokensOf(page: number): readonly number[] | undefined {
    return this.#entries.get(page)?.tokens;
  }

  /** Whether {@link find} gives this page for its tokens, and not another one that holds the same. */
  gives(page: number): boolean {
    const entry = this.#entries.get(page);
    return entry !== undefined && this.find(entry.parent, entry.tokens) === page;
  }

  /** Computes FNV-1a over the parent's hash and the tokens. */
  #hash(parent: number, tokens: readonly number[]): number {
    let hash = this.#entries.get(parent)?.hash ?? 0x811c9dc5;
    for (const token of tokens) hash = Math.imul(hash ^ token, 0x01000193);
    return hash;
  }
}
