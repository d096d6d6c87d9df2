/**
 * Rows that are read before anyone asks for them, while the engine computes something else.
 *
 * Which rows will be asked for is a guess. A wrong guess, or a read that fails, costs time and
 * changes no byte: the row is then read when it is needed.
 *
 * Next: hot-rows.ts
 * @module
 */
import type { ColdRows } from "./cold-rows.ts";
import type { GroupSlots } from "./group-slots.ts";
import type { PendingReads } from "./row-store.ts";

/** What reading ahead counts. */
export interface AheadCounts {
  /** Rows read early. */
  ahead: number;
  /** Of these, rows whose read was done when the row was needed. */
  inTime: number;
  /** Of these, rows whose read was not done when the row was needed. */
  late: number;
  /** Bytes read from the store. */
  bytesRead: number;
}

/** The rows of one group that were read early. */
interface Expected {
  readonly slots: GroupSlots;
  /** Those that nobody has asked for yet. */
  readonly keys: Set<number>;
  /** Undefined once the reads are done. */
  pending: PendingReads | undefined;
  /** Whether the reads were done before anyone waited for them. */
  wasDone: boolean;
}

/** The reads that go on at the side, one set of rows for each group. */
export class ReadAhead {
  readonly #cold: ColdRows;
  readonly #counts: AheadCounts;
  readonly #expected = new Map<number, Expected>();

  /** @param counts shared with the caller, and changed here */
  constructor(cold: ColdRows, counts: AheadCounts) {
    this.#cold = cold;
    this.#counts = counts;
  }

  /** Begins to read rows that have slots, but no bytes yet. */
  begin(group: number, slots: GroupSlots, keys: readonly number[]): void {
    if (keys.length === 0) return;
    const pending = this.#cold.begin(
      group,
      keys.map((key) => [key, slots.addressOf(key)]),
    );
    if (!pending) {
      for (const key of keys) slots.forget(key);
      return;
    }
    this.#counts.ahead += keys.length;
    this.#counts.bytesRead += keys.length * slots.stride;
    this.#expected.set(group, { slots, keys: new Set(keys), pending, wasDone: false });
  }

  /** Counts a row that was asked for, if it was read early. */
  asked(group: number, key: number): void {
    const expected = this.#expected.get(group);
    if (expected?.keys.delete(key)) this.#counts[expected.wasDone ? "inTime" : "late"]++;
  }

  /** Waits for the rows of a group. If one could not be read, none of them is hot. */
  arrive(group: number): void {
    const expected = this.#expected.get(group);
    if (!expected?.pending) return;
    const { slots, pending, keys } = expected;
    expected.pending = undefined;
    expected.wasDone = pending.isDone;
    try {
      pending.wait();
      for (const key of keys) this.#cold.verify(group, key, slots.addressOf(key));
    } catch {
      for (const key of keys) slots.forget(key);
      this.#expected.delete(group);
    }
  }

  /** Waits for the rows of all groups. */
  arriveAll(): void {
    for (const group of this.#expected.keys()) this.arrive(group);
  }

  /** Waits for all rows and forgets that they were read early. */
  clear(): void {
    this.arriveAll();
    this.#expected.clear();
  }
}
