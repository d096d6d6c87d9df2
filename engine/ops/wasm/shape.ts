/**
 * A kernel that comes in several shapes, of the same bits: which one is the fastest on this machine?
 *
 * It is found out at work. The first calls take turns, and the shape that needed least time for what it
 * did is kept. So it costs no time of its own, and is measured where it matters: on these weights, as
 * far from the processor as they are.
 * @module
 */

declare const performance: { now(): number };

/** Calls that are timed for each shape, after the first few, which compile the kernels. */
const WARM_UP = 32;
const TIMED = 128;

/** Work of fewer multiplications says more about the call than about the kernel. */
const WORTH_TIMING = 2 ** 18;

/** The shapes of one kernel; see the top of this file. */
export class Shape {
  readonly #shapes: readonly number[];
  readonly #now: () => number;
  readonly #spent: number[];
  readonly #products: number[];
  #nCalls = 0;
  #chosen: number | undefined;

  /** @param now milliseconds */
  constructor(shapes: readonly number[], now: () => number = () => performance.now()) {
    this.#shapes = shapes;
    this.#now = now;
    this.#spent = shapes.map(() => 0);
    this.#products = shapes.map(() => 0);
  }

  /** The shape that is kept; undefined as long as they take turns. */
  get chosen(): number | undefined {
    return this.#chosen;
  }

  /** Does a work of so many multiplications in one of the shapes. */
  run(products: number, work: (shape: number) => void): void {
    if (this.#chosen !== undefined || products < WORTH_TIMING) {
      work(this.#chosen ?? this.#shapes[0]);
      return;
    }
    const turn = turnOf(this.#nCalls++) % this.#shapes.length;
    const start = this.#now();
    work(this.#shapes[turn]);
    if (this.#nCalls > WARM_UP) {
      this.#spent[turn] += this.#now() - start;
      this.#products[turn] += products;
    }
    if (this.#nCalls >= WARM_UP + TIMED * this.#shapes.length) this.#choose();
  }

  #choose(): void {
    const cost = this.#spent.map((spent, i) => spent / this.#products[i]);
    this.#chosen = this.#shapes[cost.indexOf(Math.min(...cost))];
  }
}

/** The Thue-Morse sequence: no period of a model's layers falls in step with it. */
function turnOf(call: number): number {
  let ones = 0;
  for (let left = call; left > 0; left >>>= 1) ones += left & 1;
  return ones % 2;
}
