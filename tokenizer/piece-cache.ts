/**
 * The tokens of pieces met before. Words repeat, so most pieces of a long text are in here.
 *
 * Two generations instead of an exact LRU list: when the young map is full it becomes the old one
 * and the old one is dropped; a hit in the old map moves the piece to the young one. A piece used
 * within the last `capacity` new ones is never lost, and a hit costs one lookup.
 * @module Next: `piece-encoder.ts`
 */

/**
 * Longer pieces rarely repeat. The bound is also one on memory: V8 keeps a slice of 13 or more
 * characters as a view of the whole text, and one cached word would hold a megabyte alive.
 */
const MAX_PIECE_LENGTH = 12; // UTF-16 code units

export class PieceCache {
  readonly #capacity: number;
  #young = new Map<string, readonly number[]>();
  #old: ReadonlyMap<string, readonly number[]> = new Map();

  /** @param capacity pieces per generation */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(piece: string): readonly number[] | undefined {
    const ids = this.#young.get(piece);
    if (ids !== undefined) return ids;
    const older = this.#old.get(piece);
    if (older !== undefined) this.set(piece, older);
    return older;
  }

  set(piece: string, ids: readonly number[]): void {
    if (piece.length > MAX_PIECE_LENGTH) return;
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(piece, ids);
  }
}
