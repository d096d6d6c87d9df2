/**
 * How a model that is larger than memory reads its files: at the moment when a layer needs them, or
 * while the engine computes something else. The engine opens no file; the host brings the store.
 *
 * A {@link ByteSource} gives promises, which a step of the model cannot wait for. A read store fills
 * memory that the engine owns, and waiting for it is a plain call.
 * @module
 */

/** Reads begin and end at multiples of this many bytes, because disks do. */
export const READ_BLOCK = 4096;

/** One read of a file. */
export interface StoredRead {
  /** The name of the file. */
  readonly file: string;
  /** The first byte in the file. */
  readonly offset: number;
  /**
   * The memory to fill. Its address is `offset` modulo {@link READ_BLOCK}, and the whole blocks around
   * it belong to the read as well: what stands beside the target may be overwritten.
   */
  readonly target: Uint8Array;
}

/** Reads that have begun. The memory belongs to the store until `wait` or `cancel` returns. */
export interface ReadsUnderWay {
  /** Whether all is read, or something failed: whether `wait` returns at once. */
  readonly isDone: boolean;
  /**
   * Waits until all is read.
   *
   * @throws {WeightsError} when something could not be read; the message names file and place
   */
  wait(): void;
  /**
   * Gives up what has not begun yet, and waits for the rest. It never throws.
   *
   * @returns how many bytes were read although nobody has waited for them
   */
  cancel(): number;
  /** Says that somebody will wait: from now on it is no guess. */
  hurry?(): void;
}

/** Files of a checkpoint, read into memory of the engine. */
export interface ReadStore {
  /**
   * Begins to read.
   *
   * @param isGuess whether nobody waits for it yet; every other read goes first
   * @throws {WeightsError} when there is no such file
   */
  begin(reads: readonly StoredRead[], isGuess?: boolean): ReadsUnderWay;
  /**
   * Whether these bytes of a file are compared, when they arrive, with bytes in which every number was finite.
   * Then nobody needs to look for NaN in them. By default, nothing is known.
   */
  isKnownFinite?(file: string, offset: number, length: number): boolean;
}
