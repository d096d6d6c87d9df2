/**
 * Pages of rows, all of one size, and how many tables point at each.
 *
 * ```
 *   table A  [ 0 | 1 ]        pages   0     1     2     3
 *   table B  [ 0 | 2 ]        count   2     1     1     free
 * ```
 *
 * The tests in test/engine/kv check three invariants: the counts add up to the entries of all
 * tables; a page with a count above 1 is never written; the memory in use is that of the live
 * pages.
 *
 * Next: prefix-index.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { CacheError, CacheFullError } from "./cache-error.ts";
import type { HotRows } from "./hot-rows.ts";
import type { PageLayout } from "./page-layout.ts";
import { PrefixIndex } from "./prefix-index.ts";

/** Addresses of the two blocks of a page. The rows of a cold page are in the store instead. */
interface Blocks {
  rows: number | undefined;
  readonly keys: number;
}

/** Settings of a pool. */
export interface PoolOptions {
  /** The most pages that may be in use at a time. By default there is no limit. */
  readonly maxPages?: number;
  /** Where the rows of full pages go. Without it they stay in memory. */
  readonly hotRows?: HotRows;
}

/** Pages of one layout. Memory is taken page by page, as they are needed. */
export class PagePool {
  /** Where pages take their memory. */
  readonly memory: RowMemory;
  /** The layout of every page. */
  readonly layout: PageLayout;
  /** The most pages that may be in use at a time. */
  readonly maxPages: number;
  /** Where the rows of full pages go; undefined when they stay in memory. */
  readonly hotRows: HotRows | undefined;
  /** Finds full pages by their tokens. */
  readonly prefixes: PrefixIndex = new PrefixIndex();
  readonly #blocks: (Blocks | undefined)[] = [];
  readonly #counts: number[] = [];
  /** Numbers of pages that were given back. */
  readonly #free: number[] = [];

  constructor(memory: RowMemory, layout: PageLayout, options: PoolOptions = {}) {
    const { maxPages = Number.POSITIVE_INFINITY, hotRows } = options;
    if (!(maxPages > 0)) throw new CacheError("page pool", `expected some pages, got ${maxPages}`);
    this.memory = memory;
    this.layout = layout;
    this.maxPages = maxPages;
    this.hotRows = hotRows;
  }

  /** Number of pages that some table points at. */
  get nLive(): number {
    return this.#counts.length - this.#free.length;
  }

  /** Bytes of memory that live pages take. The hot rows of cold pages are not counted. */
  get liveBytes(): number {
    const nResident = this.#blocks.filter((blocks) => blocks?.rows !== undefined).length;
    return nResident * this.layout.rowsBytes + this.nLive * this.layout.keysBytes;
  }

  /** Returns how many tables point at `page`; 0 when it is free. */
  count(page: number): number {
    return this.#counts[page] ?? 0;
  }

  /** Returns the address of the latent rows of a live page; undefined when they are cold. */
  rowsAt(page: number): number | undefined {
    return this.#live(page).rows;
  }

  /** Returns the address of the index keys of a live page. */
  keysAt(page: number): number {
    return this.#live(page).keys;
  }

  /**
   * Checks that `nPages` may be taken, before any work is done.
   *
   * @throws {CacheFullError} when they may not
   */
  ensureFree(nPages: number): void {
    const left = this.maxPages - this.nLive;
    if (nPages <= left) return;
    throw new CacheFullError("page pool", `expected ${nPages} free pages, got ${left}`);
  }

  /** Takes a page for one table and returns its number. Its bytes may be anything. */
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

  /** Notes that one more table points at `page`. */
  share(page: number): void {
    this.#live(page);
    this.#counts[page]++;
  }

  /** Notes that one table less points at `page`. When none is left, its memory is given back. */
  release(page: number): void {
    const { rows, keys } = this.#live(page);
    if (--this.#counts[page] > 0) return;
    if (rows !== undefined) this.memory.give(rows, this.layout.rowsBytes);
    else this.hotRows?.forget(page);
    this.memory.give(keys, this.layout.keysBytes);
    this.prefixes.remove(page);
    this.#blocks[page] = undefined;
    this.#free.push(page);
    if (this.nLive === 0) this.hotRows?.clear();
  }

  /** Copies a page for one table and returns the number of the copy. */
  copy(page: number): number {
    const twin = this.take();
    const { bytes } = this.memory;
    const { rowsBytes, keysBytes } = this.layout;
    const [from, to] = [this.#live(page), this.#live(twin)];
    bytes.copyWithin(to.keys, from.keys, from.keys + keysBytes);
    try {
      if (from.rows === undefined) this.hotRows?.thaw(page, to.rows as number);
      else bytes.copyWithin(to.rows as number, from.rows, from.rows + rowsBytes);
    } catch (error) {
      this.release(twin);
      throw error;
    }
    return twin;
  }

  /**
   * Moves the rows of a full page to the store, if there is one. When it throws, they are still
   * here.
   *
   * @throws {StoreError} when the store fails; asking again is safe
   */
  freeze(page: number): void {
    const blocks = this.#live(page);
    if (!this.hotRows || blocks.rows === undefined) return;
    this.hotRows.freeze(page, blocks.rows);
    this.memory.give(blocks.rows, this.layout.rowsBytes);
    blocks.rows = undefined;
  }

  /**
   * Prepares a page to be written: brings its rows back into memory, and forgets its tokens and hot
   * rows.
   *
   * @throws {StoreError} when the rows do not come back; nothing has changed then
   */
  makeWritable(page: number): void {
    const blocks = this.#live(page);
    if (blocks.rows === undefined) {
      const at = this.memory.take(this.layout.rowsBytes);
      try {
        this.hotRows?.thaw(page, at);
      } catch (error) {
        this.memory.give(at, this.layout.rowsBytes);
        throw error;
      }
      this.hotRows?.forget(page);
      blocks.rows = at;
    }
    this.prefixes.remove(page);
  }

  /** Returns a copy of the bytes of a live page: first the latent rows, then the index keys. */
  bytesOf(page: number): Uint8Array {
    const { rowsBytes, keysBytes } = this.layout;
    const { rows, keys } = this.#live(page);
    const bytes = new Uint8Array(rowsBytes + keysBytes);
    const at = rows ?? this.memory.take(rowsBytes);
    try {
      if (rows === undefined) this.hotRows?.thaw(page, at);
      bytes.set(this.memory.bytes.subarray(at, at + rowsBytes));
    } finally {
      if (rows === undefined) this.memory.give(at, rowsBytes);
    }
    bytes.set(this.memory.bytes.subarray(keys, keys + keysBytes), rowsBytes);
    return bytes;
  }

  /** Fills a page whose rows are in memory with what {@link bytesOf} returned. */
  fill(page: number, bytes: Uint8Array): void {
    const { rowsBytes, keysBytes } = this.layout;
    const { rows, keys } = this.#live(page);
    if (rows === undefined || bytes.length !== rowsBytes + keysBytes) {
      const got = rows === undefined ? "a cold page" : `${bytes.length} bytes`;
      throw new CacheError(
        "page pool",
        `expected ${rowsBytes + keysBytes} bytes to fill, got ${got}`,
      );
    }
    this.memory.bytes.set(bytes.subarray(0, rowsBytes), rows);
    this.memory.bytes.set(bytes.subarray(rowsBytes), keys);
  }

  #live(page: number): Blocks {
    const blocks = this.#blocks[page];
    if (blocks) return blocks;
    throw new CacheError("page pool", `expected page ${page} to be in use, got a free one`);
  }
}
