/**
 * Keeps the pages of texts that have ended, so that the next text with the same beginning need not run it
 * again. When pages are short, those that were not asked for the longest go first.
 *
 * A kept text is a {@link PageTable} that nobody writes to. Its pages are found by {@link PrefixIndex}, as
 * those of running texts are; to keep them is only to go on counting one table that points at them.
 *
 * @module
 */
import type { PagePool } from "./page-pool.ts";
import { PageTable } from "./page-table.ts";

/** A text that is kept. */
export interface KeptText {
  /** Its tokens, which fill its pages. */
  readonly tokens: readonly number[];
  /** The numbers of its pages; texts that begin alike share some. */
  readonly pages: readonly number[];
}

/** Texts that have ended; see the top of this file. */
export class PageKeeper {
  readonly #pool: PagePool;
  /** The tables, the one that was used last at the end. */
  readonly #kept: PageTable[] = [];

  constructor(pool: PagePool) {
    this.#pool = pool;
  }

  /** How many pages only the keeper holds. */
  get nPages(): number {
    const entries = new Map<number, number>();
    for (const { pages } of this.#kept) {
      for (const page of pages) entries.set(page, (entries.get(page) ?? 0) + 1);
    }
    return [...entries].filter(([page, n]) => this.#pool.count(page) === n).length;
  }

  /**
   * Takes over a table. Of a page that is not full, nobody could find the tokens, so it goes; and so do pages
   * behind which another text's are found, because two texts with the same tokens ran at once.
   */
  keep(table: PageTable): void {
    const { pageRows } = this.#pool.layout.format;
    const nFull = Math.floor(table.length / pageRows);
    const other = table.pages.slice(0, nFull).findIndex((page) => !this.#pool.prefixes.gives(page));
    table.truncate((other < 0 ? nFull : other) * pageRows);
    // A text whose pages are all among those of this one is not needed any more.
    const pages = new Set(table.pages);
    for (const [i, other] of [...this.#kept.entries()].reverse()) {
      if (other.pages.every((page) => pages.has(page))) this.#drop(i);
    }
    if (table.pages.length > 0) this.#kept.push(table);
    else table.drop();
  }

  /** All texts that are kept, the one that was used last at the end. */
  texts(): readonly KeptText[] {
    return this.#kept.map(({ pages }) => ({
      tokens: pages.flatMap((page) => this.#pool.prefixes.tokensOf(page) as readonly number[]),
      pages,
    }));
  }

  /**
   * Keeps a text that was kept before, in another run. Pages that others have are shared.
   *
   * @param tokens those of whole pages
   * @param bytesOf the bytes of each page, as PagePool.bytesOf gave them
   * @throws {CacheFullError} when there are too few pages; nothing has changed then
   */
  restore(tokens: readonly number[], bytesOf: (page: number) => Uint8Array): void {
    const { pageRows } = this.#pool.layout.format;
    const table = new PageTable(this.#pool);
    try {
      const nShared = table.adopt(tokens) / pageRows;
      table.reserve(tokens.length);
      for (let i = nShared; i < table.pages.length; i++) {
        this.#pool.fill(table.pages[i], bytesOf(i));
      }
    } catch (error) {
      table.drop();
      throw error;
    }
    table.publish(tokens);
    this.keep(table);
  }

  /** Notes that these pages are in use again, so that they go last. */
  touch(pages: readonly number[]): void {
    const last = pages.at(-1);
    if (last === undefined) return;
    const i = this.#kept.findIndex((table) => table.pages[pages.length - 1] === last);
    if (i >= 0) this.#kept.push(...this.#kept.splice(i, 1));
  }

  /** Gives pages back until at least `nPages` can be taken, or nothing is kept. */
  makeRoom(nPages: number): void {
    while (this.#kept.length > 0 && this.#pool.maxPages - this.#pool.nLive < nPages) {
      this.#dropTail();
    }
  }

  /** Gives all pages back. */
  clear(): void {
    while (this.#kept.length > 0) this.#drop(0);
  }

  /** Shortens the oldest text by a page: its beginning may be that of others, and is the most useful. */
  #dropTail(): void {
    const [oldest] = this.#kept;
    const { pageRows } = this.#pool.layout.format;
    oldest.truncate(oldest.length - pageRows);
    if (oldest.pages.length === 0) this.#drop(0);
  }

  #drop(i: number): void {
    const [table] = this.#kept.splice(i, 1);
    table.drop();
  }
}
