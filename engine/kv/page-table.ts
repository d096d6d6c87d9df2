/**
 * One timeline of rows, held as a list of pages. A fork shares every page and copies none; the
 * first write into a page that is shared copies it.
 * @module
 */
import { CacheError } from "./cache-error.ts";
import type { PagePool } from "./page-pool.ts";

/** Rows `0 … length − 1`, in pages of one pool. */
export class PageTable {
  readonly #pool: PagePool;
  #pages: number[] = [];
  #length = 0;
  #dropped = false;

  constructor(pool: PagePool) {
    this.#pool = pool;
  }

  /** Number of rows held. */
  get length(): number {
    return this.#length;
  }

  /** Page numbers in the order of their rows. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /**
   * Adds whole rows at the end. Either all of them are added or, when it throws, none.
   *
   * @throws {CacheError} when `rows` ends inside a row
   * @throws {CacheFullError} when the pool has too few free pages
   */
  append(rows: Uint8Array): void {
    this.#mustHold();
    const { pageRows, rowBytes } = this.#pool;
    const nRows = rows.length / rowBytes;
    if (!Number.isInteger(nRows)) {
      throw new CacheError(`append: expected rows of ${rowBytes} bytes, got ${rows.length} bytes`);
    }
    if (nRows === 0) return;
    this.#prepare(nRows);
    for (let done = 0; done < nRows; ) {
      const row = this.#length % pageRows;
      const n = Math.min(pageRows - row, nRows - done);
      const page = this.#pages[Math.floor(this.#length / pageRows)];
      const from = rows.subarray(done * rowBytes, (done + n) * rowBytes);
      this.#pool.bytes(page, row, n).set(from);
      this.#length += n;
      done += n;
    }
  }

  /**
   * A copy of rows `start … end − 1`.
   *
   * @throws {CacheError} when the range leaves the rows held
   */
  read(start: number, end: number): Uint8Array {
    this.#mustHold();
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end)) {
      throw new CacheError(`read: expected ascending row numbers, got ${start} … ${end}`);
    }
    if (end > this.#length) {
      throw new CacheError(`read: expected rows below ${this.#length}, got ${start} … ${end}`);
    }
    const { pageRows, rowBytes } = this.#pool;
    const out = new Uint8Array((end - start) * rowBytes);
    for (let at = start; at < end; ) {
      const row = at % pageRows;
      const n = Math.min(pageRows - row, end - at);
      const page = this.#pages[Math.floor(at / pageRows)];
      out.set(this.#pool.bytes(page, row, n), (at - start) * rowBytes);
      at += n;
    }
    return out;
  }

  /**
   * Forgets the rows from `length` on. Like the other caches, a longer length changes nothing.
   *
   * @throws {CacheError} when `length` is not a row number
   */
  truncate(length: number): void {
    this.#mustHold();
    if (!Number.isInteger(length) || length < 0) {
      throw new CacheError(`truncate: expected a row number, got ${length}`);
    }
    this.#length = Math.min(this.#length, length);
    const nKept = Math.ceil(this.#length / this.#pool.pageRows);
    for (const page of this.#pages.splice(nKept)) this.#pool.release(page);
  }

  /** A second timeline with the same past. Costs one number per page. */
  fork(): PageTable {
    this.#mustHold();
    const twin = new PageTable(this.#pool);
    for (const page of this.#pages) this.#pool.share(page);
    twin.#pages = [...this.#pages];
    twin.#length = this.#length;
    return twin;
  }

  /** Gives every page back. The table cannot be used again. */
  drop(): void {
    this.truncate(0);
    this.#dropped = true;
  }

  /** Room for `nRows` more, all of it in pages that only this table points at. */
  #prepare(nRows: number): void {
    const { pageRows, rowBytes } = this.#pool;
    const nTail = this.#length % pageRows;
    const tail = this.#pages.at(-1);
    const copies = tail !== undefined && nTail > 0 && this.#pool.count(tail) > 1;
    const nNew = Math.ceil((this.#length + nRows) / pageRows) - this.#pages.length;
    this.#pool.ensureFree(nNew + (copies ? 1 : 0));
    if (copies) {
      const own = this.#pool.take();
      const held = this.#pool.bytes(tail, 0, nTail);
      this.#pool.bytes(own, 0, held.length / rowBytes).set(held);
      this.#pages[this.#pages.length - 1] = own;
      this.#pool.release(tail);
    }
    for (let i = 0; i < nNew; i++) this.#pages.push(this.#pool.take());
  }

  #mustHold(): void {
    if (this.#dropped) throw new CacheError("page table: expected a live table, got a dropped one");
  }
}
