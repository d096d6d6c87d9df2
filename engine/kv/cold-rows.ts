/**
 * The rows of cold pages: where they lie in the store, and whether they come back as they were
 * written.
 *
 * One row serves all layers of a selection group. It has a number, its key, which is the same in
 * all timelines of a pool: `page · pageRows + row`.
 *
 * Next: group-slots.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import type { PageLayout } from "./page-layout.ts";
import {
  type PendingReads,
  type RowStore,
  readStored,
  type StoreRead,
  writeStored,
} from "./row-store.ts";
import { RowSums } from "./row-sums.ts";

/** Writes pages to a store and reads rows back into memory. */
export class ColdRows {
  readonly #memory: RowMemory;
  readonly #layout: PageLayout;
  readonly #store: RowStore;
  readonly #sums: RowSums;

  constructor(memory: RowMemory, layout: PageLayout, store: RowStore) {
    this.#memory = memory;
    this.#layout = layout;
    this.#store = store;
    this.#sums = new RowSums(memory, layout);
  }

  /** Whether the store can read while the engine computes. */
  get canBegin(): boolean {
    return this.#store.begin !== undefined;
  }

  /**
   * Writes the rows of a page, whose block is at `at`.
   *
   * @throws {StoreError} when the store fails
   */
  write(page: number, at: number): void {
    const { rowsBytes } = this.#layout;
    const rows = this.#memory.bytes.subarray(at, at + rowsBytes);
    writeStored(this.#store, page * rowsBytes, rows);
    this.#sums.add(page, at);
  }

  /** Reads the rows of a page into the block at `at`. @throws {StoreError} as {@link read} */
  readPage(page: number, at: number): void {
    const { rowsBytes } = this.#layout;
    readStored(this.#store, page * rowsBytes, this.#memory.bytes.subarray(at, at + rowsBytes));
    this.#sums.verifyPage(this.#store.name, page, at);
  }

  /**
   * Reads one row to `at`.
   *
   * @throws {StoreError} when the store fails, or returns other bytes than it was given
   */
  read(group: number, key: number, at: number): void {
    const { offset, target } = this.#readOf(group, key, at);
    readStored(this.#store, offset, target);
    this.verify(group, key, at);
  }

  /**
   * Begins to read rows, each to the address beside it. Where this returns nothing, the store does
   * not read ahead now.
   */
  begin(
    group: number,
    rows: readonly (readonly [key: number, at: number])[],
  ): PendingReads | undefined {
    return this.#store.begin?.(rows.map(([key, at]) => this.#readOf(group, key, at)));
  }

  /** @throws {StoreError} when the row at `at` is not the one that was written */
  verify(group: number, key: number, at: number): void {
    const { pageRows } = this.#layout.format;
    const [page, row] = [Math.floor(key / pageRows), key % pageRows];
    this.#sums.verify(this.#store.name, group, page, row, at);
  }

  /** Forgets the rows of a page, which is free or will be written. */
  forget(page: number): void {
    this.#sums.remove(page);
  }

  /** Forgets all pages. */
  clear(): void {
    this.#sums.clear();
  }

  /** Where a row lies in the store, and the memory at `at` that it goes to. */
  #readOf(group: number, key: number, at: number): StoreRead {
    const { rowsBytes, groups, format } = this.#layout;
    const page = Math.floor(key / format.pageRows);
    const { offset, stride } = groups[group];
    return {
      offset: page * rowsBytes + offset + (key % format.pageRows) * stride,
      target: this.#memory.bytes.subarray(at, at + stride),
    };
  }
}
