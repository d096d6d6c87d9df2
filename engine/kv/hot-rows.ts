/**
 * Rows of cold pages that are in memory all the same: those used last, under a byte budget.
 *
 * ```
 *   page 7, cold:  file | … | row row row row … | …        one row serves all layers of its group
 *                                 │
 *   group 2        slots [ 7:1 | 3:60 | 5:2 | … ]          the row used longest ago leaves
 * ```
 *
 * Every selection group has the same number of slots. What a call of the ops needs is taken
 * together: {@link HotRows.admit} gives each row of a query its slot and keeps it there,
 * {@link HotRows.read} then reads what was missing, in the order of the file. Which rows are hot may
 * change the time of an answer, never a byte of it: a row whose checksum is not that of the row that
 * was written is an error.
 *
 * Next: page-pool.ts
 * @module
 */
import type { RowMemory } from "../ops/ops.ts";
import { CacheError } from "./cache-error.ts";
import { GroupSlots } from "./group-slots.ts";
import type { PageLayout } from "./page-layout.ts";
import {
  type PendingReads,
  type RowStore,
  readStored,
  type StoreRead,
  writeStored,
} from "./row-store.ts";
import { RowSums } from "./row-sums.ts";

/** Where cold rows go, and how much memory rows of cold pages may take. */
export interface Tier {
  readonly store: RowStore;
  readonly hotBytes: number;
}

/** What the tier has done. */
export interface TierCounts {
  /** Rows asked for that were in memory. */
  readonly hits: number;
  /** Rows asked for that had to be read. */
  readonly misses: number;
  /** Rows that were read ahead, and of these: asked for next, and there in time, or still on their way. */
  readonly ahead: number;
  readonly inTime: number;
  readonly late: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Rows of one group that are being read ahead, or were. */
interface Expected {
  readonly keys: Set<number>;
  /** Undefined when they are there. */
  pending: PendingReads | undefined;
  wasDone: boolean;
}

/** The hot rows of one pool; see the top of this file. */
export class HotRows {
  readonly #memory: RowMemory;
  readonly #layout: PageLayout;
  readonly #store: RowStore;
  readonly #nLeast: number;
  #nSlots: number;
  readonly #sums: RowSums;
  /** Made when the first row comes. */
  #groups: readonly GroupSlots[] | undefined;
  #counts = { hits: 0, misses: 0, ahead: 0, inTime: 0, late: 0, bytesRead: 0, bytesWritten: 0 };
  readonly #expected = new Map<number, Expected>();

  /** @throws {CacheError} when the budget does not hold `nLeast` rows of every group */
  constructor(memory: RowMemory, layout: PageLayout, { store, hotBytes }: Tier, nLeast: number) {
    this.#memory = memory;
    this.#layout = layout;
    this.#store = store;
    this.#sums = new RowSums(memory, layout);
    this.#nLeast = nLeast;
    this.#nSlots = this.#slotsIn(hotBytes);
  }

  /**
   * Another budget, between steps. No row is hot after it.
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

  /** What the tier has done so far. */
  get counts(): TierCounts {
    return this.#counts;
  }

  /** Begins a call of the ops: rows of the call before may leave. */
  begin(group: number): void {
    this.#arrive(group);
    this.#groups?.[group].begin();
  }

  /** Gives every row of a query its slot until the next {@link begin}; false when there are too few. */
  admit(group: number, keys: readonly number[]): boolean {
    const isAdmitted = this.#slots()[group].admit(keys);
    const expected = this.#expected.get(group);
    for (const key of isAdmitted && expected ? keys : []) {
      if (expected?.keys.delete(key)) this.#counts[expected.wasDone ? "inTime" : "late"]++;
    }
    return isAdmitted;
  }

  /** Where an admitted row stands. */
  addressOf(group: number, key: number): number {
    return this.#slots()[group].addressOf(key);
  }

  /**
   * Reads the admitted rows that were not there.
   *
   * @throws {StoreError} when the store fails, or gives other bytes than it was given; the rows are
   *   then not hot, and asking again is safe
   */
  read(group: number): void {
    const slots = this.#slots()[group];
    const missing = slots.missing();
    let nRead = 0;
    try {
      for (const key of missing) {
        const { offset, target } = this.#readOf(group, key);
        readStored(this.#store, offset, target);
        this.#verify(group, key);
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
   * Begins to read what the next group may choose: what this one has chosen now, and what that one
   * chose last. A guess may cost time; it changes no byte.
   */
  readAhead(group: number): void {
    const all = this.#groups;
    if (!all || !this.#store.begin) return;
    const next = (group + 1) % all.length;
    this.#arrive(next);
    if (next === group) return;
    const guess = new Set([...all[group].chosen, ...all[next].chosen]);
    all[next].begin();
    const keys = all[next].expect([...guess].slice(0, this.#nSlots)).sort((a, b) => a - b);
    if (keys.length === 0) return;
    const reads = keys.map((key) => this.#readOf(next, key));
    const pending = this.#store.begin(reads);
    if (!pending) {
      for (const key of keys) all[next].forget(key);
      return;
    }
    this.#counts.ahead += keys.length;
    this.#counts.bytesRead += keys.length * all[next].stride;
    this.#expected.set(next, { keys: new Set(keys), pending, wasDone: false });
  }

  /** Waits for what is being read ahead. What could not be read is not hot, and that is all. */
  #arrive(group: number): void {
    const expected = this.#expected.get(group);
    if (!expected?.pending) return;
    const { pending, keys } = expected;
    expected.pending = undefined;
    expected.wasDone = pending.isDone;
    try {
      pending.wait();
      for (const key of keys) this.#verify(group, key);
    } catch {
      for (const key of keys) this.#groups?.[group].forget(key);
      this.#expected.delete(group);
    }
  }

  #arriveAll(): void {
    for (const group of this.#expected.keys()) this.#arrive(group);
  }

  /** Keeps the rows of a page, block at `at`, in the store, and as many of them hot as there is room. */
  freeze(page: number, at: number): void {
    this.#arriveAll();
    const { rowsBytes, groups, format } = this.#layout;
    const all = this.#slots();
    const { bytes } = this.#memory;
    writeStored(this.#store, page * rowsBytes, bytes.subarray(at, at + rowsBytes));
    this.#counts.bytesWritten += rowsBytes;
    this.#sums.add(page, at);
    groups.forEach(({ offset, stride }, g) => {
      const slots = all[g];
      slots.begin();
      for (let row = 0; row < format.pageRows; row++) {
        const from = at + offset + row * stride;
        bytes.copyWithin(slots.warm(page * format.pageRows + row), from, from + stride);
      }
    });
  }

  /** Brings the rows of a page back, to the block at `at`. @throws {StoreError} as {@link read} */
  thaw(page: number, at: number): void {
    const { rowsBytes } = this.#layout;
    readStored(this.#store, page * rowsBytes, this.#memory.bytes.subarray(at, at + rowsBytes));
    this.#counts.bytesRead += rowsBytes;
    this.#sums.verifyPage(this.#store.name, page, at);
  }

  /** Forgets the rows of a page: it is free, or will be written. */
  forget(page: number): void {
    this.#arriveAll();
    this.#sums.remove(page);
    const { pageRows } = this.#layout.format;
    for (const slots of this.#groups ?? []) slots.forgetAll(page * pageRows, pageRows);
  }

  /** Forgets all pages and gives the memory back. */
  clear(): void {
    this.#release();
    this.#sums.clear();
  }

  /** No row is hot, and none takes memory. */
  #release(): void {
    this.#arriveAll();
    this.#expected.clear();
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

  /** Where a row lies in the store, and where its slot is. */
  #readOf(group: number, key: number): StoreRead {
    const { rowsBytes, groups, format } = this.#layout;
    const page = Math.floor(key / format.pageRows);
    const { offset, stride } = groups[group];
    const at = this.addressOf(group, key);
    return {
      offset: page * rowsBytes + offset + (key % format.pageRows) * stride,
      target: this.#memory.bytes.subarray(at, at + stride),
    };
  }

  #verify(group: number, key: number): void {
    const { pageRows } = this.#layout.format;
    const at = this.addressOf(group, key);
    this.#sums.verify(this.#store.name, group, Math.floor(key / pageRows), key % pageRows, at);
  }
}
