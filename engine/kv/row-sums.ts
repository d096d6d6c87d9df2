/**
 * Checksums of the rows of cold pages. They tell whether a store returns what it was given.
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { checksum } from "./checksum.ts";
import type { PageLayout } from "./page-layout.ts";
import { StoreError } from "./row-store.ts";

/** Checksums by page: four bytes for each row of each group. */
export class RowSums {
  readonly #memory: RowMemory;
  readonly #layout: PageLayout;
  /** For each page, the checksums of the rows of the first group, then of the next, and so on. */
  readonly #ofPage = new Map<number, Uint32Array>();

  constructor(memory: RowMemory, layout: PageLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  /** Remembers the rows of a page, whose block is at `at`. */
  add(page: number, at: number): void {
    const { groups, format } = this.#layout;
    const sums = groups.flatMap(({ offset, stride }) =>
      Array.from({ length: format.pageRows }, (_, row) =>
        checksum(this.#memory.view, at + offset + row * stride, stride),
      ),
    );
    this.#ofPage.set(page, Uint32Array.from(sums));
  }

  /** Forgets a page. */
  remove(page: number): void {
    this.#ofPage.delete(page);
  }

  /** Forgets all pages. */
  clear(): void {
    this.#ofPage.clear();
  }

  /**
   * Checks one row.
   *
   * @param store the name of the store, for the message
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

  /** Checks all rows of a page, whose block is at `at`. @throws {StoreError} as {@link verify} */
  verifyPage(store: string, page: number, at: number): void {
    const { groups, format } = this.#layout;
    groups.forEach(({ offset, stride }, g) => {
      for (let row = 0; row < format.pageRows; row++) {
        this.verify(store, g, page, row, at + offset + row * stride);
      }
    });
  }
}
