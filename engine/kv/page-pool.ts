/**
 * Fixed pages of rows, and how many tables point at each.
 *
 * ```
 *   table A  [ 0 | 1 ]        pages   0     1     2     3
 *   table B  [ 0 | 2 ]        count   2     1     1     free
 * ```
 *
 * Invariants, tested in test/kv: the counts add up to the entries of all tables; free and live
 * pages add up to all pages; a page with a count above 1 is never written.
 *
 * Next: page-table.ts
 * @module
 */
import { CacheError, CacheFullError } from "./cache-error.ts";

/** Every byte of a free page. Reads as NaN in f32 and bf16, so a stale read cannot pass unseen. */
const POISON = 0xff;

/** Pages of `pageRows` rows of `rowBytes` bytes, `nPages` of them, allocated once. */
export class PagePool {
  readonly pageRows: number;
  readonly rowBytes: number;
  readonly #bytes: Uint8Array;
  readonly #counts: Int32Array;
  readonly #free: number[];

  /** @throws {CacheError} when a size is not a positive integer */
  constructor(pageRows: number, rowBytes: number, nPages: number) {
    for (const [what, size] of Object.entries({ pageRows, rowBytes, nPages })) {
      if (Number.isSafeInteger(size) && size > 0) continue;
      throw new CacheError(`page pool: expected ${what} to be a positive integer, got ${size}`);
    }
    this.pageRows = pageRows;
    this.rowBytes = rowBytes;
    this.#bytes = new Uint8Array(nPages * pageRows * rowBytes).fill(POISON);
    this.#counts = new Int32Array(nPages);
    this.#free = Array.from({ length: nPages }, (_, i) => nPages - 1 - i);
  }

  /** Pages that no table points at. */
  get nFree(): number {
    return this.#free.length;
  }

  /** Pages that some table points at. */
  get nLive(): number {
    return this.#counts.length - this.#free.length;
  }

  /** How many tables point at `page`; 0 when it is free. */
  count(page: number): number {
    return this.#counts[page] ?? 0;
  }

  /** @throws {CacheFullError} when fewer than `nPages` are free. Asked before any work. */
  ensureFree(nPages: number): void {
    if (nPages <= this.nFree) return;
    throw new CacheFullError(`page pool: expected ${nPages} free pages, got ${this.nFree}`);
  }

  /** Takes a free page for one table. */
  take(): number {
    this.ensureFree(1);
    const page = this.#free.pop() as number;
    this.#counts[page] = 1;
    return page;
  }

  /** One more table points at `page`. */
  share(page: number): void {
    this.#mustLive(page);
    this.#counts[page]++;
  }

  /** One table less points at `page`; without any it is poisoned and free again. */
  release(page: number): void {
    this.#mustLive(page);
    if (--this.#counts[page] > 0) return;
    this.bytes(page, 0, this.pageRows).fill(POISON);
    this.#free.push(page);
  }

  /** Rows `row … row + nRows − 1` of one page: a view, valid until the page is released. */
  bytes(page: number, row: number, nRows: number): Uint8Array {
    const start = (page * this.pageRows + row) * this.rowBytes;
    return this.#bytes.subarray(start, start + nRows * this.rowBytes);
  }

  #mustLive(page: number): void {
    if (this.count(page) > 0) return;
    throw new CacheError(`page pool: expected page ${page} to be in use, got a free one`);
  }
}
