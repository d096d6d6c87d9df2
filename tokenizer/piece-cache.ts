/**
 * Keeps the tokens of pieces that came before. Words repeat, so most pieces of a long text are
 * here.
 *
 * There are two generations instead of an exact LRU list. When the young map is full it becomes the
 * old one, and the old one is dropped. A piece that is found in the old map moves to the young one.
 * So a piece that was used within the last `capacity` new ones is never lost, and finding it costs
 * one lookup, or two.
 *
 * Next: piece-encoder.ts
 * @module
 */

/**
 * UTF-16 code units of the longest piece that is kept. Longer ones rarely repeat. This also bounds
 * memory: V8 keeps a slice of 13 or more characters as a view of the whole text, so that one cached
 * word would keep a megabyte alive.
 */
const MAX_PIECE_LENGTH = 12;

/** Tokens by piece. */
export class PieceCache {
  readonly #capacity: number;
  #young = new Map<string, readonly number[]>();
  #old: ReadonlyMap<string, readonly number[]> = new Map();

  /** @param capacity pieces per generation */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns the ids of a piece, if they are kept. */
  get(piece: string): readonly number[] | undefined {
    const ids = this.#young.get(piece);
    if (ids !== undefined) return ids;
    const older = this.#old.get(piece);
    if (older !== undefined) this.set(piece, older);
    return older;
  }

  /** Keeps the ids of a piece, unless it is long. */
  set(piece: string, ids: readonly number[]): void {
    if (piece.length > MAX_PIECE_LENGTH) return;
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(piece, ids);
  }
}
