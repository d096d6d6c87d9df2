/**
 * Fixed pages of rows, and how many tables point at each.
 *
 * ```
 *   table A  [ 0 | 1 ]        pages   0     1     2     3
 *   table B  [ 0 | 2 ]        count   2     1     1     free
 * ```
 *
 * Invariants, tested in test/engine/kv: the counts add up to the entries of all tables; a page with a count
 * above 1 is never written; memory in use is that of the live pages.
 *
 * Next: prefix-index.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { CacheError, CacheFullError } from "./cache-error.ts";
import type { HotRows } from "./hot-rows.ts";
import type { PageLayout } from "./page-layout.ts";
import { PrefixIndex } from "./prefix-index.ts";

/** Where the two blocks of a page stand in memory. Rows of a cold page are in the tier's store. */
interface Blocks {
  rows: number | undefined;
  readonly keys: number;
}

/** What a pool may have beside pages. */
export interface PoolOptions {
  /** Live pages at any time. */
  readonly maxPages?: number;
  /** Where rows of full pages go; without it they stay. */
  readonly hotRows?: HotRows;
}

/** Pages of one layout. Memory is taken page by page, as they are needed. */
export class PagePool {
  readonly memory: RowMemory;
  readonly layout: PageLayout;
  readonly maxPages: number;
  readonly hotRows: HotRows | undefined;
  /** The texts of full pages. */
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

  /** Pages that some table points at. */
  get nLive(): number {
    return this.#counts.length - this.#free.length;
  }

  /** Bytes of memory that live pages take; hot rows of cold pages come on top. */
  get liveBytes(): number {
    const nResident = this.#blocks.filter((blocks) => blocks?.rows !== undefined).length;
    return nResident * this.layout.rowsBytes + this.nLive * this.layout.keysBytes;
  }

  /** How many tables point at `page`; 0 when it is free. */
  count(page: number): number {
    return this.#counts[page] ?? 0;
  }

  /** Address of the latent rows of a live page; undefined where they are cold. */
  rowsAt(page: number): number | undefined {
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
    throw new CacheFullError("page pool", `expected ${nPages} free pages, got ${left}`);
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
    if (rows !== undefined) this.memory.give(rows, this.layout.rowsBytes);
    else this.hotRows?.forget(page);
    this.memory.give(keys, this.layout.keysBytes);
    this.prefixes.remove(page);
    this.#blocks[page] = undefined;
    this.#free.push(page);
    if (this.nLive === 0) this.hotRows?.clear();
  }

  /** A page of the same bytes for one table. */
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
   * The rows of a full page go to the store, if there is one. When it throws, they are still here.
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

  /** The page will be written: its rows come back, and what was known of it is forgotten. */
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

  /** The bytes of a live page: latent rows, then index keys. */
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

  /** Fills a page whose rows are in memory with what {@link bytesOf} gave. */
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
