/**
 * Rows of cold pages that are in memory all the same: those used last, as many as a byte budget
 * holds.
 *
 * ```
 *   page 7, cold:  store | … | row row row row … | …       one row serves all layers of its group
 *                                  │
 *   group 2        slots [ 7:1 | 3:60 | 5:2 | … ]          the row used longest ago leaves
 * ```
 *
 * Every selection group has the same number of slots. The rows that one call of the ops needs are
 * handled together: {@link HotRows.admit} gives each row of a query its slot and keeps it there,
 * and {@link HotRows.read} then reads the missing ones, in the order of the store. Which rows are
 * hot may change the time of an answer, never a byte of it, because a row that comes back with
 * another checksum is an error.
 *
 * Next: page-pool.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { CacheError } from "./cache-error.ts";
import { ColdRows } from "./cold-rows.ts";
import { GroupSlots } from "./group-slots.ts";
import type { PageLayout } from "./page-layout.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { RowStore } from "./row-store.ts";

/** Where cold rows go, and how much memory the hot ones of them may take. */
export interface Tier {
  /** Keeps the rows of cold pages. */
  readonly store: RowStore;
  /** Bytes of memory for hot rows, all groups together. */
  readonly hotBytes: number;
}

/** What the tier has done so far. */
export interface TierCounts {
  /** Rows that were in memory when they were needed. */
  readonly hits: number;
  /** Rows that were not, and were read then. */
  readonly misses: number;
  /** Rows read early. */
  readonly ahead: number;
  /** Of these, rows whose read was done when the row was needed. */
  readonly inTime: number;
  /** Of these, rows whose read was not done when the row was needed. */
  readonly late: number;
  /** Bytes read from the store. */
  readonly bytesRead: number;
  /** Bytes written to the store. */
  readonly bytesWritten: number;
}

/** The hot rows of one pool; see the top of this file. */
export class HotRows {
  readonly #memory: RowMemory;
  readonly #layout: PageLayout;
  readonly #nLeast: number;
  readonly #counts = {
    hits: 0,
    misses: 0,
    ahead: 0,
    inTime: 0,
    late: 0,
    bytesRead: 0,
    bytesWritten: 0,
  };
  readonly #cold: ColdRows;
  readonly #ahead: ReadAhead;
  #nSlots: number;
  /** Undefined until the first row comes. */
  #groups: readonly GroupSlots[] | undefined;

  /** @throws {CacheError} when the budget does not hold `nLeast` rows of every group */
  constructor(memory: RowMemory, layout: PageLayout, { store, hotBytes }: Tier, nLeast: number) {
    this.#memory = memory;
    this.#layout = layout;
    this.#nLeast = nLeast;
    this.#cold = new ColdRows(memory, layout, store);
    this.#ahead = new ReadAhead(this.#cold, this.#counts);
    this.#nSlots = this.#slotsIn(hotBytes);
  }

  /**
   * Changes the budget, between steps. After it no row is hot.
   *
   * @throws {CacheError} as the constructor does, or when memory is short; nothing has changed then
   */
  resize(hotBytes: number): void {
    const nSlots = this.#slotsIn(hotBytes);
    const groups = this.#groups && this.#newSlots(nSlots);
    this.#release();
    this.#nSlots = nSlots;
    this.#groups = groups;
  }

  #slotsIn(hotBytes: number): number {
    const rowBytes = this.#layout.groups.reduce((sum, { stride }) => sum + stride, 0);
    const nSlots = Math.floor(hotBytes / rowBytes);
    if (nSlots >= this.#nLeast) return nSlots;
    const least = `${this.#nLeast * rowBytes} bytes, room for what one query may choose`;
    throw new CacheError("hot rows", `expected at least ${least}, got ${hotBytes}`);
  }

  /** What the tier has done so far. The numbers go on changing. */
  get counts(): TierCounts {
    return this.#counts;
  }

  /** Begins a call of the ops: the rows of the call before may leave. */
  begin(group: number): void {
    this.#ahead.arrive(group);
    this.#groups?.[group].begin();
  }

  /**
   * Gives every row of a query its slot until the next {@link begin}; false when there are too few.
   */
  admit(group: number, keys: readonly number[]): boolean {
    const isAdmitted = this.#slots()[group].admit(keys);
    if (isAdmitted) for (const key of keys) this.#ahead.asked(group, key);
    return isAdmitted;
  }

  /** The address of an admitted row. */
  addressOf(group: number, key: number): number {
    return this.#slots()[group].addressOf(key);
  }

  /**
   * Reads the admitted rows that were not hot.
   *
   * @throws {StoreError} when the store fails, or returns other bytes than it was given; the rows
   *   are then not hot, and asking again is safe
   */
  read(group: number): void {
    const slots = this.#slots()[group];
    const missing = slots.missing();
    let nRead = 0;
    try {
      for (const key of missing) {
        this.#cold.read(group, key, slots.addressOf(key));
        nRead++;
      }
    } catch (error) {
      for (const key of missing.slice(nRead)) slots.forget(key);
      throw error;
    }
    this.#counts.hits += slots.nAdmitted - missing.length;
    this.#counts.misses += missing.length;
    this.#counts.bytesRead += missing.length * slots.stride;
    slots.settle();
  }

  /**
   * Begins to read what the next group may choose: the rows that this group has chosen now, and
   * those that the next one chose in the last step.
   */
  readAhead(group: number): void {
    const all = this.#groups;
    if (!all || !this.#cold.canBegin) return;
    const next = (group + 1) % all.length;
    this.#ahead.arrive(next);
    if (next === group) return;
    const guess = new Set([...all[group].chosen, ...all[next].chosen]);
    all[next].begin();
    const keys = all[next].expect([...guess].slice(0, this.#nSlots)).sort((a, b) => a - b);
    this.#ahead.begin(next, all[next], keys);
  }

  /**
   * Writes the rows of a page, whose block is at `at`, to the store. As many of them as there is
   * room for stay hot.
   *
   * @throws {StoreError} when the store fails
   */
  freeze(page: number, at: number): void {
    this.#ahead.arriveAll();
    const { rowsBytes, groups, format } = this.#layout;
    const all = this.#slots();
    const { bytes } = this.#memory;
    this.#cold.write(page, at);
    this.#counts.bytesWritten += rowsBytes;
    groups.forEach(({ offset, stride }, g) => {
      const slots = all[g];
      slots.begin();
      for (let row = 0; row < format.pageRows; row++) {
        const from = at + offset + row * stride;
        bytes.copyWithin(slots.warm(page * format.pageRows + row), from, from + stride);
      }
    });
  }

  /** Reads the rows of a page back into the block at `at`. @throws {StoreError} as {@link read} */
  thaw(page: number, at: number): void {
    this.#cold.readPage(page, at);
    this.#counts.bytesRead += this.#layout.rowsBytes;
  }

  /** Forgets the rows of a page, which is free or will be written. */
  forget(page: number): void {
    this.#ahead.arriveAll();
    this.#cold.forget(page);
    const { pageRows } = this.#layout.format;
    for (const slots of this.#groups ?? []) slots.forgetAll(page * pageRows, pageRows);
  }

  /** Forgets all pages and gives the memory back. */
  clear(): void {
    this.#release();
    this.#cold.clear();
  }

  /** Makes all rows cold and gives their memory back. */
  #release(): void {
    this.#ahead.clear();
    this.#give(this.#groups ?? []);
    this.#groups = undefined;
  }

  #give(groups: readonly GroupSlots[]): void {
    for (const { address, stride, nSlots } of groups) this.#memory.give(address, nSlots * stride);
  }

  #slots(): readonly GroupSlots[] {
    this.#groups ??= this.#newSlots(this.#nSlots);
    return this.#groups;
  }

  /** Takes memory for the slots of all groups, or for none when it is short. */
  #newSlots(nSlots: number): readonly GroupSlots[] {
    const groups: GroupSlots[] = [];
    try {
      for (const { stride } of this.#layout.groups) {
        groups.push(new GroupSlots(this.#memory.take(nSlots * stride), stride, nSlots));
      }
    } catch (error) {
      this.#give(groups);
      throw error;
    }
    return groups;
  }
}
