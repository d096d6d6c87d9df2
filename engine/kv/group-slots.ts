/**
 * The slots of one selection group: which row is where, and which row may leave.
 *
 * Next: read-ahead.ts
 * @module
 */

/** Slots for the hot rows of a group. A row is known by its key. */
export class GroupSlots {
  /** Address of the first slot. */
  readonly address: number;
  /** Bytes of a slot, which are those of a row. */
  readonly stride: number;
  /** Number of slots. */
  readonly nSlots: number;
  /** Slot by key, in the order of last use: a Map keeps the order of insertion. */
  readonly #slotOf = new Map<number, number>();
  readonly #free: number[];
  /** The last call that needed a slot. The row stays while that call goes on. */
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

  /** Number of rows admitted since {@link settle}. A row that was admitted twice counts twice. */
  get nAdmitted(): number {
    return this.#nAdmitted;
  }

  /** The keys of the cold rows that the last query chose. */
  get chosen(): readonly number[] {
    return this.#chosen;
  }

  /**
   * Begins a call: rows that earlier calls needed may leave. Rows that were never read leave now.
   */
  begin(): void {
    for (const key of this.#missing) this.forget(key);
    this.#call++;
    this.#nHeld = 0;
    this.settle();
  }

  /**
   * Gives each of these rows a slot; they are all different.
   *
   * @returns false when there are too few slots; then nothing has changed
   */
  admit(keys: readonly number[]): boolean {
    let nNew = 0;
    for (const key of keys) {
      const slot = this.#slotOf.get(key);
      if (slot === undefined || this.#neededIn[slot] !== this.#call) nNew++;
    }
    if (this.#nHeld + nNew > this.nSlots) return false;
    // Rows that have a slot are held first, so that no other row takes it.
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
   * Gives each of these rows a slot until the next {@link begin}. They are all different, and no
   * more than there are slots.
   *
   * @returns the rows that had none, whose bytes the caller reads
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

  /** Returns the admitted rows whose bytes are not there yet, in the order of their keys. */
  missing(): readonly number[] {
    return this.#missing.sort((a, b) => a - b);
  }

  /** Notes that all admitted rows have their bytes. */
  settle(): void {
    this.#missing = [];
    this.#nAdmitted = 0;
  }

  /** Returns the address of a row, which must have a slot. */
  addressOf(key: number): number {
    return this.address + (this.#slotOf.get(key) ?? Number.NaN) * this.stride;
  }

  /** Gives a row a slot and returns its address. The caller writes the bytes now. */
  warm(key: number): number {
    if (!this.#slotOf.has(key)) this.#assign(key);
    return this.addressOf(key);
  }

  /** Takes the slot of a row away. */
  forget(key: number): void {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    this.#free.push(slot);
  }

  /** Takes the slots of `n` rows from `first` on away, and forgets that they were chosen. */
  forgetAll(first: number, n: number): void {
    for (let key = first; key < first + n; key++) this.forget(key);
    this.#chosen = this.#chosen.filter((key) => key < first || key >= first + n);
  }

  /** Makes a row, if it has a slot, the one used last. It stays while this call goes on. */
  #hold(key: number): void {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return;
    this.#slotOf.delete(key);
    this.#slotOf.set(key, slot);
    if (this.#neededIn[slot] === this.#call) return;
    this.#neededIn[slot] = this.#call;
    this.#nHeld++;
  }

  /**
   * Gives a row a free slot, or that of the row used longest ago. Rows that must stay were all used
   * later.
   */
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
