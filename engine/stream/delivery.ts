/**
 * Stored tensors on their way from the files to a shelf. What touches in a file is one read: in the
 * released files an expert is one run of 36 MiB.
 *
 * Next: streamed-experts.ts
 * @module
 */
import type { Shelf } from "../ops/ops.ts";
import type { Checkpoint, CheckpointEntry, StoredTensor } from "../weights/checkpoint.ts";
import type { AreFinite } from "../weights/finite.ts";
import { storedNames } from "../weights/raw-tensor.ts";
import { WeightsError } from "../weights/weights-error.ts";
import { READ_BLOCK, type ReadStore, type ReadsUnderWay, type StoredRead } from "./read-store.ts";

/** Where bytes come from. */
export interface Sources {
  /** What the files hold. */
  readonly checkpoint: Checkpoint;
  /** The files themselves. */
  readonly store: ReadStore;
}

/**
 * How to make sure that the numbers of a tensor are finite: nobody looks where the store knows it. What is
 * compared is whole tensors, and those are what a {@link Delivery} reads.
 */
export function finiteCheck(
  { checkpoint, store }: Sources,
  name: string,
  look: AreFinite,
): AreFinite {
  const isKnown = storedNames(checkpoint, name).every((each) => {
    const { file, offset, length } = checkpoint.tensors.get(each) as CheckpointEntry;
    return store.isKnownFinite?.(file, offset, length) === true;
  });
  return isKnown ? () => true : look;
}

/** Tensors that touch in one file. */
interface Run {
  readonly file: string;
  readonly offset: number;
  length: number;
  readonly names: string[];
}

/** The runs of some stored tensors, in the order of the files. */
export function runsOf({ tensors }: Checkpoint, names: readonly string[]): readonly Run[] {
  const entries = names.map((name): [string, CheckpointEntry] => {
    const entry = tensors.get(name);
    if (!entry) throw new WeightsError(name, "not in the checkpoint");
    return [name, entry];
  });
  entries.sort(([, a], [, b]) =>
    a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1,
  );
  const runs: Run[] = [];
  for (const [name, { file, offset, length }] of entries) {
    const last = runs.at(-1);
    if (last?.file === file && last.offset + last.length === offset) {
      last.length += length;
      last.names.push(name);
    } else runs.push({ file, offset, length, names: [name] });
  }
  return runs;
}

/** Tensors that are being read, or have been. */
export class Delivery {
  /** Bytes of all of them together. */
  readonly bytes: number;
  readonly #sources: Sources;
  readonly #at = new Map<string, Uint8Array>();
  readonly #reads: ReadsUnderWay;

  /**
   * Begins to read the stored tensors of these names onto the shelf.
   *
   * @param isGuess whether it is not sure that somebody will want them; all other reads go first
   */
  constructor(sources: Sources, shelf: Shelf, names: readonly string[], isGuess: boolean = false) {
    this.#sources = sources;
    const runs = runsOf(sources.checkpoint, names);
    const reads: StoredRead[] = runs.map(({ file, offset, length }) => ({
      file,
      offset,
      target: shelf.room(length, offset % READ_BLOCK),
    }));
    this.bytes = runs.reduce((sum, { length }) => sum + length, 0);
    runs.forEach((run, i) => {
      for (const name of run.names) {
        const { offset, length } = sources.checkpoint.tensors.get(name) as CheckpointEntry;
        const from = offset - run.offset;
        this.#at.set(name, reads[i].target.subarray(from, from + length));
      }
    });
    this.#reads = sources.store.begin(reads, isGuess);
  }

  /** Whether all is there. */
  get isDone(): boolean {
    return this.#reads.isDone;
  }

  /** Waits until all is there. */
  arrive(): void {
    this.#reads.wait();
  }

  /** Says that it was guessed right: other guesses come after it from now on. */
  hurry(): void {
    this.#reads.hurry?.();
  }

  /** Gives up what has not begun, and waits for the rest. @returns how many bytes came in vain */
  cancel(): number {
    return this.#reads.cancel();
  }

  /** A tensor that has arrived. Its bytes are those on the shelf. */
  stored(name: string): StoredTensor | undefined {
    const bytes = this.#at.get(name);
    const entry = this.#sources.checkpoint.tensors.get(name);
    return bytes && entry && { dtype: entry.dtype, shape: entry.shape, bytes };
  }
}
