/**
 * The slots of one selection group: which row stands where, and which may leave.
 * @module
 */

/** Slots for `nSlots` rows from `address` on. A row is known by a number, its key. */
export class GroupSlots {
  readonly address: number;
  readonly stride: number;
  readonly nSlots: number;
  /** In the order of last use: a Map keeps the order of insertion. */
  readonly #slotOf = new Map<number, number>();
  readonly #free: number[];
  /** The call that a slot was needed in last; its row stays while that call goes on. */
  readonly #neededIn: Float64Array;
  #call = 1;
  #nHeld = 0;
  #nAdmitted = 0;
  #missing: number[] = [];
  #chosen: readonly number[] = [];

  constructor(address: number, stride: number, nSlots: number) {
    this.address = address;
    this.stride = stride;
    this.nSlots = nSlots;
    this.#free = Array.from({ length: nSlots }, (_, i) => nSlots - 1 - i);
    this.#neededIn = new Float64Array(nSlots);
  }

  /** Rows admitted since {@link settle}, with repetitions. */
  get nAdmitted(): number {
    return this.#nAdmitted;
  }

  /** What the last query chose, of rows that are cold. */
  get chosen(): readonly number[] {
    return this.#chosen;
  }

  /** Lets all rows leave that earlier calls needed. Rows that were never read leave now. */
  begin(): void {
    for (const key of this.#missing) this.forget(key);
    this.#call++;
    this.#nHeld = 0;
    this.settle();
  }

  /** Gives these rows, all different, a slot each; false when there are too few, and nothing changed. */
  admit(keys: readonly number[]): boolean {
    let nNew = 0;
    for (const key of keys) {
      const slot = this.#slotOf.get(key);
      if (slot === undefined || this.#neededIn[slot] !== this.#call) nNew++;
    }
    if (this.#nHeld + nNew > this.nSlots) return false;
    // Those that are here are held first, so that no other row takes their place.
    for (const key of keys) this.#hold(key);
    for (const key of keys) {
      if (this.#slotOf.has(key)) continue;
      this.#assign(key);
      this.#hold(key);
      this.#missing.push(key);
    }
    this.#nAdmitted += keys.length;
    this.#chosen = keys;
    return true;
  }

  /**
   * Gives these rows, all different and no more than there are slots, a slot each until the next
   * {@link begin}.
   *
   * @returns those that were not there, which the caller reads
   */
  expect(keys: readonly number[]): number[] {
    for (const key of keys) this.#hold(key);
    const missing = keys.filter((key) => !this.#slotOf.has(key));
    for (const key of missing) {
      this.#assign(key);
      this.#hold(key);
    }
    return missing;
  }

  /** Admitted rows whose bytes are not there yet, in the order of their keys. */
  missing(): readonly number[] {
    return this.#missing.sort((a, b) => a - b);
  }

  /** All admitted rows have their bytes. */
  settle(): void {
    this.#missing = [];
    this.#nAdmitted = 0;
  }

  /** Where the row stands. It must have a slot. */
  addressOf(key: number): number {
    return this.address + (this.#slotOf.get(key) ?? Number.NaN) * this.stride;
  }

  /** A slot for a row whose bytes the caller writes now; returns its address. */
  warm(key: number): number {
    if (!this.#slotOf.has(key)) this.#assign(key);
    return this.addressOf(key);
  }

  /** The row has no slot any more. */
  forget(key: number): void {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    this.#free.push(slot);
  }

  /** Forgets `n` rows from `first` on, also that they were chosen. */
  forgetAll(first: number, n: number): void {
    for (let key = first; key < first + n; key++) this.forget(key);
    this.#chosen = this.#chosen.filter((key) => key < first || key >= first + n);
  }

  /** The row, if it has a slot, is the one used last, and stays while this call goes on. */
  #hold(key: number): void {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    this.#slotOf.set(key, slot);
    if (this.#neededIn[slot] === this.#call) return;
    this.#neededIn[slot] = this.#call;
    this.#nHeld++;
  }

  /** A free slot, or that of the row used longest ago: rows that must stay were all used later. */
  #assign(key: number): void {
    let slot = this.#free.pop();
    if (slot === undefined) {
      const [oldest] = this.#slotOf;
      this.#slotOf.delete(oldest[0]);
      slot = oldest[1];
    }
    this.#slotOf.set(key, slot);
  }
}
