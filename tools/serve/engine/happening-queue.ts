/**
 * What happens to one order, until its reader takes it. A reader that does not keep up is told of, so that
 * its order waits.
 * @module
 */
import type { Happening } from "../desk.ts";

/** With so many happenings unread, the order should wait. */
const MANY = 256;
/** With so few, it should go on. */
const FEW = 64;

/** A queue for one reader. */
export class HappeningQueue implements AsyncIterable<Happening> {
  readonly #onFlow: (flows: boolean) => void;
  #items: Happening[] = [];
  #error: unknown;
  #isOver = false;
  #flows = true;
  #wake: () => void = () => {};

  /** @param onFlow is told when the order should wait (false) and when it should go on (true) */
  constructor(onFlow: (flows: boolean) => void) {
    this.#onFlow = onFlow;
  }

  /** Whether nothing more can come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something happens. */
  push(happening: Happening): void {
    if (this.#isOver) return;
    this.#items.push(happening);
    if (this.#flows && this.#items.length > MANY) this.#flow(false);
    this.#wake();
  }

  /** Nothing more happens. The reader gets what is there, and then the error if there is one. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }

  /** Nothing more happens, and what is there is not wanted. */
  drop(): void {
    this.#items = [];
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Happening> {
    for (;;) {
      const next = this.#items.shift();
      if (next) {
        if (!this.#flows && this.#items.length < FEW) this.#flow(true);
        yield next;
        continue;
      }
      if (this.#isOver) {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #flow(flows: boolean): void {
    this.#flows = flows;
    this.#onFlow(flows);
  }
}
