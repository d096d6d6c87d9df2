/**
 * More pages than memory: the ones used last stay hot, the others lie in a byte store. Which tier a
 * page is in may change the time of an answer, never a byte of it.
 * @module
 */
import { type ByteStore, readStored, writeStored } from "./byte-store.ts";
import { CacheError } from "./cache-error.ts";

/** `dirty`: the store does not hold these bytes. */
interface HotPage {
  readonly bytes: Uint8Array;
  dirty: boolean;
}

/** Pages of `pageBytes` bytes, numbered by the caller; page `p` lies at `p · pageBytes`. */
export class TieredPages {
  readonly #store: ByteStore;
  readonly #pageBytes: number;
  readonly #nHot: number;
  /** In the order of their last use: a Map keeps the order of insertion. */
  readonly #hot = new Map<number, HotPage>();
  readonly #cold = new Set<number>();
  #last: Promise<unknown> = Promise.resolve();
  #hits = 0;
  #misses = 0;

  /** @throws {CacheError} when the budget does not hold one page */
  constructor(store: ByteStore, pageBytes: number, hotBytes: number) {
    this.#store = store;
    this.#pageBytes = pageBytes;
    this.#nHot = Math.floor(hotBytes / pageBytes);
    if (pageBytes > 0 && this.#nHot >= 1) return;
    throw new CacheError(
      `hot pages: expected room for a page of ${pageBytes} bytes, got ${hotBytes}`,
    );
  }

  /** Bytes of pages in memory; never above the budget. */
  get hotBytes(): number {
    return this.#hot.size * this.#pageBytes;
  }

  /** Reads answered from memory, and reads that asked the store. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /**
   * Keeps a copy of one page. When it throws, the page is what it was before.
   *
   * @throws {CacheError} when `bytes` is not one page
   * @throws {StoreError} when the page that must leave cannot be written
   */
  put(page: number, bytes: Uint8Array): Promise<void> {
    if (bytes.length !== this.#pageBytes) {
      const got = `got ${bytes.length}`;
      throw new CacheError(`page ${page}: expected ${this.#pageBytes} bytes, ${got}`);
    }
    const copy = bytes.slice();
    return this.#inTurn(() => this.#heat(page, { bytes: copy, dirty: true }));
  }

  /**
   * A copy of one page.
   *
   * @throws {CacheError} when the page was never kept
   * @throws {StoreError} when the store fails; asking again is safe
   */
  get(page: number): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const held = this.#hot.get(page);
      if (!held && !this.#cold.has(page)) throw new CacheError(`page ${page}: never kept`);
      if (held) this.#hits++;
      else this.#misses++;
      const bytes = held?.bytes ?? (await this.#readCold(page));
      await this.#heat(page, held ?? { bytes, dirty: false });
      return bytes.slice();
    });
  }

  /** Forgets one page in both tiers. */
  forget(page: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#hot.delete(page);
      this.#cold.delete(page);
    });
  }

  #readCold(page: number): Promise<Uint8Array> {
    return readStored(this.#store, page * this.#pageBytes, this.#pageBytes);
  }

  /** Makes `page` the one used last; the one used longest ago leaves when there is no room. */
  async #heat(page: number, held: HotPage): Promise<void> {
    if (!this.#hot.delete(page) && this.#hot.size === this.#nHot) await this.#evict();
    this.#hot.set(page, held);
  }

  /** Leaves memory only after the store has it: a failed write loses nothing. */
  async #evict(): Promise<void> {
    const [[page, held]] = this.#hot;
    if (held.dirty) await writeStored(this.#store, page * this.#pageBytes, held.bytes);
    this.#cold.add(page);
    this.#hot.delete(page);
  }

  /** One call at a time, in the order they were made: an eviction must not race with a read. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
