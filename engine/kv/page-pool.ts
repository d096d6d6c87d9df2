/**
 * Fixed pages of rows, and how many tables point at each.
 *
 * ```
 *   table A  [ 0 | 1 ]        pages   0     1     2     3
 *   table B  [ 0 | 2 ]        count   2     1     1     free
 * ```
 *
 * Invariants, tested in test/kv: the counts add up to the entries of all tables; a page with a count
 * above 1 is never written; memory in use is that of the live pages.
 *
 * Next: prefix-index.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { CacheError, CacheFullError } from "./cache-error.ts";
import type { PageLayout } from "./page-layout.ts";
import { PrefixIndex } from "./prefix-index.ts";

/** Where the two blocks of a page stand in memory. */
interface Blocks {
  readonly rows: number;
  readonly keys: number;
}

/** Pages of one layout. Memory is taken page by page, as they are needed. */
export class PagePool {
  readonly memory: RowMemory;
  readonly layout: PageLayout;
  readonly maxPages: number;
  /** The texts of full pages. */
  readonly prefixes: PrefixIndex = new PrefixIndex();
  readonly #blocks: (Blocks | undefined)[] = [];
  readonly #counts: number[] = [];
  /** Numbers of pages that were given back. */
  readonly #free: number[] = [];

  /** @param maxPages live pages at any time */
  constructor(memory: RowMemory, layout: PageLayout, maxPages: number = Number.POSITIVE_INFINITY) {
    if (!(maxPages > 0)) throw new CacheError(`page pool: expected some pages, got ${maxPages}`);
    this.memory = memory;
    this.layout = layout;
    this.maxPages = maxPages;
  }

  /** Pages that some table points at. */
  get nLive(): number {
    return this.#counts.length - this.#free.length;
  }

  /** Bytes of memory that live pages take. */
  get liveBytes(): number {
    return this.nLive * (this.layout.rowsBytes + this.layout.keysBytes);
  }

  /** How many tables point at `page`; 0 when it is free. */
  count(page: number): number {
    return this.#counts[page] ?? 0;
  }

  /** Address of the latent rows of a live page. */
  rowsAt(page: number): number {
    return this.#live(page).rows;
  }

  /** Address of the index keys of a live page. */
  keysAt(page: number): number {
    return this.#live(page).keys;
  }

  /** @throws {CacheFullError} when fewer than `nPages` may be taken. Asked before any work. */
  ensureFree(nPages: number): void {
    const left = this.maxPages - this.nLive;
    if (nPages <= left) return;
    throw new CacheFullError(`page pool: expected ${nPages} free pages, got ${left}`);
  }

  /** Takes a page for one table. Its bytes may be anything. */
  take(): number {
    this.ensureFree(1);
    const { rowsBytes, keysBytes } = this.layout;
    const rows = this.memory.take(rowsBytes);
    let keys: number;
    try {
      keys = this.memory.take(keysBytes);
    } catch (error) {
      this.memory.give(rows, rowsBytes);
      throw error;
    }
    const page = this.#free.pop() ?? this.#counts.length;
    this.#blocks[page] = { rows, keys };
    this.#counts[page] = 1;
    return page;
  }

  /** One more table points at `page`. */
  share(page: number): void {
    this.#live(page);
    this.#counts[page]++;
  }

  /** One table less points at `page`; without any, its memory is given back. */
  release(page: number): void {
    const { rows, keys } = this.#live(page);
    if (--this.#counts[page] > 0) return;
    this.memory.give(rows, this.layout.rowsBytes);
    this.memory.give(keys, this.layout.keysBytes);
    this.prefixes.remove(page);
    this.#blocks[page] = undefined;
    this.#free.push(page);
  }

  /** A page of the same bytes for one table. */
  copy(page: number): number {
    const twin = this.take();
    const { bytes } = this.memory;
    const { rowsBytes, keysBytes } = this.layout;
    bytes.copyWithin(this.rowsAt(twin), this.rowsAt(page), this.rowsAt(page) + rowsBytes);
    bytes.copyWithin(this.keysAt(twin), this.keysAt(page), this.keysAt(page) + keysBytes);
    return twin;
  }

  #live(page: number): Blocks {
    const blocks = this.#blocks[page];
    if (blocks) return blocks;
    throw new CacheError(`page pool: expected page ${page} to be in use, got a free one`);
  }
}
