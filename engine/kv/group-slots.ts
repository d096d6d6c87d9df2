/**
 * The slots of one selection group: which row stands where, and which may leave.
 * @module
 */

/** Slots for `nSlots` rows from `address` on. A row is known by a number, its key. */
export class GroupSlots {
  readonly address: number;
  readonly stride: number;
  readonly nSlots: number;
  readonly #slotOf = new Map<number, number>();
  readonly #keys: (number | undefined)[];
  /** The call that a slot was needed in last; its row stays while that call goes on. */
  readonly #neededIn: Float64Array;
  /** Whether a slot was used since the hand went by. */
  readonly #used: Uint8Array;
  #call = 1;
  #hand = 0;
  #nHeld = 0;
  #nAdmitted = 0;
  #missing: number[] = [];
  #chosen: readonly number[] = [];

  constructor(address: number, stride: number, nSlots: number) {
    this.address = address;
    this.stride = stride;
    this.nSlots = nSlots;
    this.#keys = Array.from({ length: nSlots }, () => undefined);
    this.#neededIn = new Float64Array(nSlots);
    this.#used = new Uint8Array(nSlots);
  }

  /** Rows admitted since {@link settle}, with repetitions. */
  get nAdmitted(): number {
    return this.#nAdmitted;
  }

  /** What the last query chose, of rows that are cold. */
  get chosen(): readonly number[] {
    return this.#chosen;
  }

  has(key: number): boolean {
    return this.#slotOf.has(key);
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
    for (const key of keys) this.#hold(this.#slotOf.get(key));
    for (const key of keys) {
      if (this.#slotOf.has(key)) continue;
      this.#hold(this.#assign(key));
      this.#missing.push(key);
    }
    this.#nAdmitted += keys.length;
    this.#chosen = keys;
    return true;
  }

  /** Gives these rows, all new, a slot each until the next {@link begin}; the caller reads them. */
  expect(keys: readonly number[]): void {
    for (const key of keys) this.#hold(this.#assign(key));
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
    this.#keys[slot] = undefined;
    this.#used[slot] = 0;
  }

  /** Forgets `n` rows from `first` on, also that they were chosen. */
  forgetAll(first: number, n: number): void {
    for (let key = first; key < first + n; key++) this.forget(key);
    this.#chosen = this.#chosen.filter((key) => key < first || key >= first + n);
  }

  #hold(slot: number | undefined): void {
    if (slot === undefined) return;
    this.#used[slot] = 1;
    if (this.#neededIn[slot] === this.#call) return;
    this.#neededIn[slot] = this.#call;
    this.#nHeld++;
  }

  /** Takes the first slot at the hand that is not needed, and was not used since the last round. */
  #assign(key: number): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (slot + 1) % this.nSlots;
      if (this.#neededIn[slot] === this.#call && this.#keys[slot] !== undefined) continue;
      if (this.#used[slot] === 1 && this.#keys[slot] !== undefined) {
        this.#used[slot] = 0;
        continue;
      }
      const before = this.#keys[slot];
      if (before !== undefined) this.#slotOf.delete(before);
      this.#keys[slot] = key;
      this.#slotOf.set(key, slot);
      return slot;
    }
  }
}
