/**
 * A timeline of positions, as a list of pages. A fork shares every page and copies none; the first
 * write into a shared page copies it.
 *
 * Next: latent-cache.ts
 * @module
 */
import { CacheError } from "./cache-error.ts";
import type { PagePool } from "./page-pool.ts";
import { NO_PAGE } from "./prefix-index.ts";

/** Positions `0 … length − 1`, in pages of one pool. */
export class PageTable {
  /** Where the pages come from. */
  readonly pool: PagePool;
  #pages: number[] = [];
  /** The address of each page's index keys, as the kernels take it. */
  #keyBlocks: number[] = [];
  #length = 0;
  /** Number of pages, from the first on, whose tokens other timelines can find. */
  #nPublished = 0;
  /** Number of pages, from the first on, that were offered to the store. */
  #nFrozen = 0;
  #dropped = false;

  constructor(pool: PagePool) {
    this.pool = pool;
  }

  /** Number of positions that there is room for. They may have been written or not. */
  get length(): number {
    return this.#length;
  }

  /** The numbers of the pages, in the order of their positions. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /** The address of the index keys of each page. */
  get keyBlocks(): readonly number[] {
    return this.#keyBlocks;
  }

  /**
   * Makes room for positions up to `length`, in pages that only this table points at. When it
   * throws, nothing has changed.
   *
   * @throws {CacheFullError} when the pool may take too few pages
   */
  reserve(length: number): void {
    this.#mustHold();
    if (length <= this.#length) return;
    const { pageRows } = this.pool.layout.format;
    const tail = this.#length % pageRows > 0 ? this.#pages.at(-1) : undefined;
    const isShared = tail !== undefined && this.pool.count(tail) > 1;
    const nNew = Math.ceil(length / pageRows) - this.#pages.length;
    this.pool.ensureFree(nNew + (isShared ? 1 : 0));
    if (tail !== undefined && !isShared) this.pool.makeWritable(tail);
    const taken = isShared ? [this.pool.copy(tail)] : [];
    try {
      for (let i = 0; i < nNew; i++) taken.push(this.pool.take());
    } catch (error) {
      for (const page of taken) this.pool.release(page);
      throw error;
    }
    if (isShared) {
      this.#pages.pop();
      this.pool.release(tail);
    }
    this.#pages.push(...taken);
    this.#length = length;
    if (taken.length > 0) this.#look();
  }

  /**
   * Forgets the positions from `length` on. A longer length changes nothing.
   *
   * @throws {CacheError} when `length` is no position
   */
  truncate(length: number): void {
    this.#mustHold();
    if (!Number.isInteger(length) || length < 0) {
      throw new CacheError("truncate", `expected a position, got ${length}`);
    }
    this.#length = Math.min(this.#length, length);
    const nKept = Math.ceil(this.#length / this.pool.layout.format.pageRows);
    for (const page of this.#pages.splice(nKept)) this.pool.release(page);
    const nFull = Math.floor(this.#length / this.pool.layout.format.pageRows);
    this.#nPublished = Math.min(this.#nPublished, nFull);
    this.#nFrozen = Math.min(this.#nFrozen, nFull);
    this.#look();
  }

  /**
   * Lets the rows of full pages go to the store.
   *
   * @throws {StoreError} when the store fails; nothing is lost, and asking again is safe
   */
  freeze(): void {
    const nFull = Math.floor(this.#length / this.pool.layout.format.pageRows);
    for (; this.#nFrozen < nFull; this.#nFrozen++) this.pool.freeze(this.#pages[this.#nFrozen]);
  }

  /** Lets other timelines find the full pages. `tokens` are those of all positions. */
  publish(tokens: readonly number[]): void {
    const { pageRows } = this.pool.layout.format;
    const nFull = Math.floor(this.#length / pageRows);
    for (let i = this.#nPublished; i < nFull; i++) {
      const text = tokens.slice(i * pageRows, (i + 1) * pageRows);
      this.pool.prefixes.add(this.#pages[i], this.#pages[i - 1] ?? NO_PAGE, text);
    }
    this.#nPublished = nFull;
  }

  /**
   * Reuses other timelines' full pages with the same tokens; drops our own part-filled page for
   * one. The positions that the table holds must be the first ones of `tokens`.
   *
   * @returns the number of positions that it holds now
   */
  adopt(tokens: readonly number[]): number {
    const { pageRows } = this.pool.layout.format;
    const nOwn = Math.floor(this.#length / pageRows);
    const found: number[] = [];
    for (let end = (nOwn + 1) * pageRows; end <= tokens.length; end += pageRows) {
      const before = found.at(-1) ?? this.#pages[nOwn - 1] ?? NO_PAGE;
      const page = this.pool.prefixes.find(before, tokens.slice(end - pageRows, end));
      if (page === undefined) break;
      found.push(page);
    }
    if (found.length === 0) return this.#length;
    for (const page of found) this.pool.share(page);
    this.truncate(nOwn * pageRows);
    this.#pages.push(...found);
    this.#length = this.#pages.length * pageRows;
    this.#look();
    return this.#length;
  }

  /** Returns a second timeline with the same past. It costs one number per page. */
  fork(): PageTable {
    this.#mustHold();
    const twin = new PageTable(this.pool);
    for (const page of this.#pages) this.pool.share(page);
    twin.#pages = [...this.#pages];
    twin.#length = this.#length;
    twin.#look();
    return twin;
  }

  /** Gives every page back. The table cannot be used again. */
  drop(): void {
    if (this.#dropped) return;
    this.truncate(0);
    this.#dropped = true;
  }

  /** Looks up the addresses after the list of pages has changed. */
  #look(): void {
    this.#keyBlocks = this.#pages.map((page) => this.pool.keysAt(page));
  }

  #mustHold(): void {
    if (this.#dropped)
      throw new CacheError("page table", "expected a live table, got a dropped one");
  }
}
