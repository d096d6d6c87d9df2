/**
 * Checksums of the rows of cold pages: what a store gives back is what it was given, or an error.
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { checksum } from "./checksum.ts";
import type { PageLayout } from "./page-layout.ts";
import { StoreError } from "./row-store.ts";

/** Checksums by page, four bytes for each row of a group. */
export class RowSums {
  readonly #memory: RowMemory;
  readonly #layout: PageLayout;
  /** Of the rows of the first group, then of those of the next. */
  readonly #ofPage = new Map<number, Uint32Array>();

  constructor(memory: RowMemory, layout: PageLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  /** Remembers the rows of a page, block at `at`. */
  add(page: number, at: number): void {
    const { groups, format } = this.#layout;
    const sums = groups.flatMap(({ offset, stride }) =>
      Array.from({ length: format.pageRows }, (_, row) =>
        checksum(this.#memory.view, at + offset + row * stride, stride),
      ),
    );
    this.#ofPage.set(page, Uint32Array.from(sums));
  }

  remove(page: number): void {
    this.#ofPage.delete(page);
  }

  clear(): void {
    this.#ofPage.clear();
  }

  /**
   * @param store its name, for the message
   * @throws {StoreError} when the row at `at` is not the one that was added
   */
  verify(store: string, group: number, page: number, row: number, at: number): void {
    const { groups, format } = this.#layout;
    const want = this.#ofPage.get(page)?.[group * format.pageRows + row];
    const got = checksum(this.#memory.view, at, groups[group].stride);
    if (got === want) return;
    const where = `${store}: row ${row} of page ${page}`;
    throw new StoreError(where, `expected checksum ${want}, its bytes have ${got}`);
  }

  /** Verifies all rows of a page, block at `at`. */
  verifyPage(store: string, page: number, at: number): void {
    const { groups, format } = this.#layout;
    groups.forEach(({ offset, stride }, g) => {
      for (let row = 0; row < format.pageRows; row++) {
        this.verify(store, g, page, row, at + offset + row * stride);
      }
    });
  }
}
