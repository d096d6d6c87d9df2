/**
 * A cache that keeps the keys with the highest ranks. A rank changes only when its key is used.
 *
 * It is a binary heap of keys with the lowest one on top: the children of place `i` are at `2i + 1` and
 * `2i + 2`, and none ranks lower than its parent.
 * @module
 */

/** At most `room` of the keys `0 … nKeys - 1`. */
export class BestKept {
  readonly #room: number;
  readonly #heap: number[] = [];
  /** The place of each key in the heap, or -1. */
  readonly #places: Int32Array;
  readonly #ranks: Float64Array;
  /** The number of the last use of each key, which decides between equal ranks: the later one stays. */
  readonly #uses: Float64Array;
  #nUses = 0;

  constructor(room: number, nKeys: number) {
    this.#room = room;
    this.#places = new Int32Array(nKeys).fill(-1);
    this.#ranks = new Float64Array(nKeys);
    this.#uses = new Float64Array(nKeys);
  }

  /** Whether a key is kept. */
  has(key: number): boolean {
    return this.#places[key] >= 0;
  }

  /** Adds a key or changes its rank. There may be more keys than room until {@link trim}. */
  put(key: number, rank: number): void {
    this.#ranks[key] = rank;
    this.#uses[key] = this.#nUses++;
    const place = this.has(key) ? this.#places[key] : this.#heap.length;
    this.#down(key, this.#up(key, place));
  }

  /** Evicts the lowest keys until all have room. */
  trim(): void {
    while (this.#heap.length > this.#room) {
      this.#places[this.#heap[0]] = -1;
      const last = this.#heap.pop() as number;
      if (this.#places[last] >= 0) this.#down(last, 0);
    }
  }

  /** Moves the parents of a free place down until `key` may stand there. Returns this place. */
  #up(key: number, from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLower(key, this.#heap[parent])) break;
      this.#set(at, this.#heap[parent]);
      at = parent;
    }
    this.#set(at, key);
    return at;
  }

  /** Moves the lower children of a place up until `key` may stand there. */
  #down(key: number, from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && this.#isLower(heap[child + 1], heap[child])) child++;
      if (child >= heap.length || !this.#isLower(heap[child], key)) break;
      this.#set(at, heap[child]);
      at = child;
    }
    this.#set(at, key);
  }

  #set(place: number, key: number): void {
    this.#heap[place] = key;
    this.#places[key] = place;
  }

  #isLower(a: number, b: number): boolean {
    const [ranks, uses] = [this.#ranks, this.#uses];
    return ranks[a] < ranks[b] || (ranks[a] === ranks[b] && uses[a] < uses[b]);
  }
}
