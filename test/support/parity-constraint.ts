/**
 * A small rule for texts: even and odd ids take turns, and after `length` ids only id 0 may come. It
 * refuses what was not allowed, so that a caller that does not ask is found.
 * @module
 */
import { type Constraint, ConstraintError, isAllowed } from "../../engine/generate/constraint.ts";

export class ParityConstraint implements Constraint {
  /** How many of them are not closed. */
  static nOpen = 0;
  readonly #vocabulary: number;
  readonly #length: number;
  #n: number;
  #isOpen = true;

  constructor(vocabulary: number, length = Number.POSITIVE_INFINITY, n = 0) {
    this.#vocabulary = vocabulary;
    this.#length = length;
    this.#n = n;
    ParityConstraint.nOpen++;
  }

  allowed(): Uint32Array {
    const mask = new Uint32Array(Math.ceil(this.#vocabulary / 32));
    for (let id = 0; id < this.#vocabulary; id++) {
      const may = this.#n < this.#length ? id % 2 === this.#n % 2 : id === 0;
      if (may) mask[id >> 5] |= 1 << (id & 31);
    }
    return mask;
  }

  accept(id: number): void {
    if (!isAllowed(this.allowed(), id)) throw new ConstraintError("parity", `${id} at ${this.#n}`);
    this.#n++;
  }

  undo(n: number): void {
    if (n > this.#n) throw new ConstraintError("parity", `undo ${n} of ${this.#n}`);
    this.#n -= n;
  }

  fork(): ParityConstraint {
    return new ParityConstraint(this.#vocabulary, this.#length, this.#n);
  }

  close(): void {
    if (!this.#isOpen) throw new ConstraintError("parity", "closed twice");
    this.#isOpen = false;
    ParityConstraint.nOpen--;
  }
}
