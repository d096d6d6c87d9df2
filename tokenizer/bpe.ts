/**
 * Byte-pair encoding: turns the bytes of one piece into tokens.
 *
 * ```
 * symbols := one token per byte
 * while some adjacent pair has a merge:
 *   apply the merge of lowest rank, the leftmost of those, to one pair
 * ```
 *
 * The symbols are a doubly linked list over positions, and the candidate merges are a binary heap.
 * So a piece of n bytes takes O(n log n) steps, which matters because base64 or a text without
 * spaces makes pieces of a megabyte.
 *
 * Next: piece-encoder.ts
 * @see Sennrich et al. 2016, arXiv:1508.07909 · HF tokenizers `models/bpe/word.rs` `merge_all`
 * @module
 */
import type { MergeTable } from "./merge-table.ts";

/** Stands for a symbol, a position or a merge that does not exist. */
const NONE = -1;
/**
 * Bytes of the longest piece whose scratch memory is kept for the next one. That memory is 28 bytes
 * for each byte of the piece.
 */
const KEPT_CAPACITY = 65_536;
/**
 * A heap key is `rank * RANK_UNIT + position`, so the lowest rank comes first, then the leftmost.
 */
const RANK_UNIT = 2 ** 32;

/** Runs the merge loop. Its scratch memory is kept from piece to piece. */
export class Bpe {
  readonly #byteIds: Int32Array;
  readonly #merges: MergeTable;
  // The list of symbols: each is kept at the position of its first byte. NONE in #ids marks a
  // position whose symbol was merged into the one before.
  #ids = new Int32Array(0);
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  #heap = new Float64Array(0);
  #heapSize = 0;

  /** @param byteIds the token of each single byte */
  constructor(byteIds: Int32Array, merges: MergeTable) {
    this.#byteIds = byteIds;
    this.#merges = merges;
  }

  /** Returns the tokens of `bytes`. */
  encode(bytes: Uint8Array): number[] {
    const n = bytes.length;
    this.#reset(bytes);
    for (let i = 0; i + 1 < n; i++) this.#propose(i);
    while (this.#heapSize > 0) this.#apply(this.#pop());

    const out: number[] = [];
    for (let i = 0; i !== NONE && i < n; i = this.#next[i] as number) {
      out.push(this.#ids[i] as number);
    }
    if (n > KEPT_CAPACITY) this.#allocate(0);
    return out;
  }

  #allocate(capacity: number): void {
    this.#ids = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    // n - 1 proposals at first; each of at most n - 1 merges takes one away and makes two.
    this.#heap = new Float64Array(2 * capacity);
  }

  /** Makes a list of one symbol per byte, and an empty heap. */
  #reset(bytes: Uint8Array): void {
    const n = bytes.length;
    if (this.#ids.length < n) this.#allocate(2 ** Math.ceil(Math.log2(n)));
    for (let i = 0; i < n; i++) {
      this.#ids[i] = this.#byteIds[bytes[i] as number] as number;
      this.#previous[i] = i - 1;
      this.#next[i] = i + 1 < n ? i + 1 : NONE;
    }
    this.#heapSize = 0;
  }

  /**
   * Puts the merge of the symbol at `position` with the next one on the heap, if there is a merge.
   */
  #propose(position: number): void {
    const slot = this.#mergeAt(position);
    if (slot !== NONE) this.#push(this.#merges.rankAt(slot) * RANK_UNIT + position);
  }

  /** Where the table keeps the merge of the symbol at `position` with the next one, or NONE. */
  #mergeAt(position: number): number {
    const next = this.#next[position] as number;
    if (next === NONE) return NONE;
    return this.#merges.find(this.#ids[position] as number, this.#ids[next] as number);
  }

  /** Merges two symbols, unless one of them has changed since the merge was put on the heap. */
  #apply(key: number): void {
    const rank = Math.floor(key / RANK_UNIT);
    const position = key - rank * RANK_UNIT;
    if (this.#ids[position] === NONE) return;
    // If a symbol has grown since then, the pair has another rank.
    const slot = this.#mergeAt(position);
    if (slot === NONE || this.#merges.rankAt(slot) !== rank) return;

    const right = this.#next[position] as number;
    const after = this.#next[right] as number;
    this.#ids[position] = this.#merges.mergedAt(slot);
    this.#ids[right] = NONE;
    this.#next[position] = after;
    if (after !== NONE) this.#previous[after] = position;

    const before = this.#previous[position] as number;
    if (before !== NONE) this.#propose(before);
    this.#propose(position);
  }

  #push(key: number): void {
    const heap = this.#heap;
    let hole = this.#heapSize++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as number;
      if (above <= key) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const least = heap[0] as number;
    const key = heap[--this.#heapSize] as number;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= this.#heapSize) break;
      if (child + 1 < this.#heapSize && (heap[child + 1] as number) < (heap[child] as number)) {
        child++;
      }
      if ((heap[child] as number) >= key) break;
      heap[hole] = heap[child] as number;
      hole = child;
    }
    heap[hole] = key;
    return least;
  }
}
