/**
 * The files of a model that is larger than memory, read while the engine computes.
 *
 * Some threads read straight into memory of the engine. On Linux they go past the cache of the system
 * (O_DIRECT), which costs a tenth of the processor time, and leaves the memory to the engine.
 * @module
 */
import { closeSync } from "node:fs";
import { checksum } from "../../engine/kv/checksum.ts";
import {
  READ_BLOCK,
  type ReadStore,
  type ReadsUnderWay,
  type StoredRead,
} from "../../engine/stream/read-store.ts";
import { WeightsError } from "../../engine/weights/weights-error.ts";
import { blockError, headerSha256, howRead, openToStream, readError } from "./open-to-stream.ts";
import { readAt } from "./read-at.ts";
import { isShared, type ReadJob } from "./read-batch.ts";
import { type BatchUnderWay, Readers } from "./readers.ts";
import { blocksWithin, type KnownBlock, knownBlocks, type Receipt } from "./receipt.ts";

/** Threads that read, unless it is said otherwise. */
const READERS = 2;

/** How files are read. None of this changes a byte. */
export interface StreamOptions {
  /** Number of threads that read; 2 by default. */
  readonly readers?: number;
  /** Whether to read past the cache of the system where that is possible, which is the default. */
  readonly direct?: boolean;
  /** What the bytes must be; blocks that a read covers are compared as soon as they have come. */
  readonly receipt?: Receipt;
  /** How long the disk may be silent before that is an error; a minute by default. */
  readonly patienceMs?: number;
}

/** What the reads have cost. */
export interface ReadCounts {
  /** Bytes that were read into the engine's memory. */
  bytes: number;
  /** Number of reads that the engine asked for and did not cancel. */
  reads: number;
  /** Seconds in which the engine waited for them. */
  secondsWaited: number;
  /** Bytes that were compared with the receipt. */
  compared: number;
}

/** Files of a folder, read for the engine. Close them when the model is closed. */
export interface StreamFiles extends ReadStore {
  /** How they are read, and where not as it was meant, why: `O_DIRECT, 2 readers`. */
  readonly how: string;
  /** What it has cost until now. */
  readonly counts: Readonly<ReadCounts>;
  /** Ends the threads and closes the files. */
  close(): Promise<void>;
}

/** Prepares to read the files of a folder. A file is opened when it is first needed. */
export async function streamFiles(
  folder: string,
  options: StreamOptions = {},
): Promise<StreamFiles> {
  const readers = await Readers.start(options.readers ?? READERS, [], options.patienceMs);
  return new FolderStream(folder, options, readers);
}

/** A file that is open here; each reader opens it again for itself. */
interface OpenFile {
  readonly name: string;
  readonly descriptor: number;
  /** Its number for the readers. */
  readonly file: number;
  /** What the receipt says of it. */
  readonly known: readonly KnownBlock[];
}

/** A read of an open file. */
interface Job extends ReadJob, OpenFile {
  /** The blocks of the receipt that it covers; there is a check for each. */
  readonly covered: readonly KnownBlock[];
}

class FolderStream implements StreamFiles {
  readonly counts: ReadCounts = { bytes: 0, reads: 0, secondsWaited: 0, compared: 0 };
  readonly #folder: string;
  readonly #options: StreamOptions;
  readonly #readers: Readers;
  readonly #files = new Map<string, OpenFile>();
  /** Whether something was read into memory that threads cannot see. */
  #isOwn = false;

  constructor(folder: string, options: StreamOptions, readers: Readers) {
    this.#folder = folder;
    this.#options = options;
    this.#readers = readers;
  }

  get how(): string {
    const { readers = READERS, direct = true } = this.#options;
    if (this.#isOwn) return "buffered, because this backend's memory is not shared with readers";
    return howRead(readers, direct, this.#readers.isRefused);
  }

  begin(reads: readonly StoredRead[], isGuess: boolean = false): ReadsUnderWay {
    const jobs = reads.map((read) => this.#jobOf(read));
    if (!reads.every(({ target }) => isShared(target))) {
      this.#isOwn = true;
      return this.#readHere(jobs, isGuess);
    }
    for (const { target, offset } of reads) mustOwnBlocks(target, offset);
    return this.#underWay(jobs, this.#readers.begin(jobs, isGuess));
  }

  isKnownFinite(name: string, offset: number, length: number): boolean {
    const covered = blocksWithin(this.#open(name).known, offset, length);
    return covered.reduce((sum, block) => sum + block.length, 0) === length;
  }

  get compared(): number {
    return this.counts.compared;
  }

  #jobOf({ file: name, offset, target }: StoredRead): Job {
    const file = this.#open(name);
    const covered = blocksWithin(file.known, offset, target.length);
    const checks = covered.map(({ offset: place, length }) => ({ at: place - offset, length }));
    return { ...file, offset, target, covered, checks };
  }

  #open(name: string): OpenFile {
    const known = this.#files.get(name);
    if (known) return known;
    const file = this.#openAnew(name);
    this.#files.set(name, file);
    return file;
  }

  #openAnew(name: string): OpenFile {
    const { direct = true, receipt } = this.#options;
    const { descriptor, size, toRead } = openToStream(this.#folder, name, direct);
    try {
      const known = receipt ? blocksIn(receipt, { name, size, descriptor }) : [];
      return { name, descriptor, known, file: this.#readers.addFile(toRead) };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Reads at once, through the cache, into memory that threads cannot see; a guess when it is waited for. */
  #readHere(jobs: readonly Job[], isGuess: boolean): ReadsUnderWay {
    let isDone = false;
    let error: unknown;
    const read = (): void => {
      if (isDone) return;
      isDone = true;
      const start = performance.now();
      try {
        for (const job of jobs) this.#compare(job, readHere(job));
        this.#count(jobs);
      } catch (thrown) {
        error = thrown;
      }
      this.counts.secondsWaited += (performance.now() - start) / 1000;
    };
    if (!isGuess) read();
    return {
      get isDone() {
        return isDone;
      },
      wait: () => {
        read();
        if (error) throw error;
      },
      cancel: () => {
        isDone = true;
        return 0;
      },
    };
  }

  #underWay(jobs: readonly Job[], batch: BatchUnderWay): ReadsUnderWay {
    let isCounted = false;
    return {
      get isDone() {
        return batch.isDone;
      },
      wait: () => {
        const start = performance.now();
        const failure = batch.wait();
        this.counts.secondsWaited += (performance.now() - start) / 1000;
        if (failure) {
          const job = jobs[failure.read];
          throw readError(job.name, job, failure);
        }
        if (!isCounted) this.#count(jobs);
        isCounted = true;
        const results = batch.results();
        for (const job of jobs) this.#compare(job, results.splice(0, job.covered.length));
      },
      cancel: () => {
        const bytes = isCounted ? 0 : batch.cancel();
        this.counts.bytes += bytes;
        isCounted = true;
        return bytes;
      },
      hurry: () => batch.hurry(),
    };
  }

  /** Compares the blocks that have come with the receipt. */
  #compare({ name, covered }: Job, results: readonly { checksum: number }[]): void {
    for (const [i, block] of covered.entries()) {
      const got = results[i].checksum;
      if (got !== block.checksum) throw blockError(name, block, block.checksum, got);
      this.counts.compared += block.length;
    }
  }

  #count(jobs: readonly Job[]): void {
    this.counts.reads += jobs.length;
    for (const { target } of jobs) this.counts.bytes += target.length;
  }

  async close(): Promise<void> {
    await this.#readers.close();
    for (const { descriptor } of this.#files.values()) closeSync(descriptor);
    this.#files.clear();
  }
}

/** What a receipt says of a file, which must have the length and the header of the one it was written for. */
function blocksIn(
  receipt: Receipt,
  { name, size, descriptor }: Pick<OpenFile, "name" | "descriptor"> & { readonly size: number },
): KnownBlock[] {
  const fail = (what: string): never => {
    throw new WeightsError(name, `${what}; glm52 verify-files writes a new receipt`);
  };
  const file = receipt.files.get(name);
  if (!receipt.isComplete) return fail("the receipt is not complete");
  if (!file) return fail("the receipt does not name it");
  if (file.size !== size) return fail(`expected ${file.size} bytes by the receipt, got ${size}`);
  const known = knownBlocks(file);
  const header = headerSha256(descriptor, known[0]?.offset ?? size);
  return header === file.header ? known : fail("its header is not that of the receipt");
}

/** The target lies as its bytes lie in the file, with whole blocks around it. */
function mustOwnBlocks({ buffer, byteOffset, length }: Uint8Array, offset: number): void {
  if (length === 0) return;
  const end = Math.ceil((byteOffset + length) / READ_BLOCK) * READ_BLOCK;
  if (byteOffset % READ_BLOCK === offset % READ_BLOCK && end <= buffer.byteLength) return;
  const place = `address ${byteOffset} of ${buffer.byteLength} bytes`;
  throw new RangeError(`expected room for the blocks of bytes ${offset} … in a file, got ${place}`);
}

/** Reads, and returns what the blocks of the receipt are. */
function readHere(job: Job): { checksum: number }[] {
  let got: number;
  try {
    got = readAt(job.descriptor, job.offset, job.target);
  } catch (error) {
    throw readError(job.name, job, { text: (error as Error).message });
  }
  if (got < job.target.length) throw readError(job.name, job, { got });
  const { buffer, byteOffset, length } = job.target;
  const view = new DataView(buffer, byteOffset, length);
  return job.covered.map((block) => ({
    checksum: checksum(view, block.offset - job.offset, block.length),
  }));
}
