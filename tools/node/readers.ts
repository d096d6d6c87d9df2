/**
 * Threads that read files straight into memory that they share with the kernels, while the thread
 * that computes never lets its own events in.
 *
 * Next: stream-files.ts
 * @module
 */
import { Worker } from "node:worker_threads";
import { awakeTime } from "../../engine/base/awake-time.ts";
import { GlmError } from "../../engine/base/errors.ts";
import { checksum } from "../../engine/kv/checksum.ts";
import { isAllFinite } from "../../engine/numbers/all-finite.ts";
import { READ_BLOCK } from "../../engine/stream/read-store.ts";
import {
  bytesOf,
  failureOf,
  type PartResult,
  PIECE_BYTES,
  type ReadFailure,
  type ReadJob,
  readBatch,
  resultsOf,
} from "./read-batch.ts";
import {
  BATCH,
  CHECK_NUMBERS,
  type FileToRead,
  PIECE_NUMBERS,
  READERS,
  type ReadBatch,
  type ReaderData,
  type ReaderMessage,
  STATE,
  serveReads,
} from "./reader-program.ts";

/** How long the readers may read nothing before they count as dead. */
const PATIENCE_MS = 60_000;

/** How often the clock is looked at meanwhile. */
const LOOK_EVERY_MS = 10;

/** More pieces than a batch can have. */
const NO_MORE = 2 ** 30;

/** The text of a thread's program. */
const PROGRAM = `
  const { parentPort, workerData } = require("node:worker_threads");
  (${serveReads})(workerData, {
    fs: require("node:fs"),
    process: require("node:process"),
    setImmediate: require("node:timers").setImmediate,
    port: parentPort,
    checksum: ${checksum},
    isAllFinite: ${isAllFinite},
  });`;

/** A reader ended, or does not answer. */
export class ReaderError extends GlmError {
  override readonly name = "ReaderError";
  readonly code = "threads";
}

/** Reads that have begun. The targets belong to the readers until `wait` or `cancel` returns. */
export interface BatchUnderWay {
  /** Whether nothing is left to do. */
  readonly isDone: boolean;
  /**
   * Waits until nothing is left to do. From now on it is no guess.
   *
   * @returns why a read failed, if one did
   * @throws {ReaderError} when a reader ended or does not answer
   */
  wait(): ReadFailure | undefined;
  /** From now on it is no guess. */
  hurry(): void;
  /** Gives up what has not begun, and waits for the rest. It returns how many bytes were read. */
  cancel(): number;
  /** What the checks found, in the order of the reads. Call it after `wait`. */
  results(): PartResult[];
}

/** The threads. */
export class Readers {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #patienceMs: number;
  #workers: readonly Worker[] = [];
  /** What the next message must tell. */
  #newFiles: FileToRead[] = [];
  #newBuffers: SharedArrayBuffer[] = [];
  #nFiles: number;
  readonly #bufferNumbers = new Map<SharedArrayBuffer, number>();

  private constructor(count: number, nFiles: number, patienceMs: number) {
    const nWords = READERS.states + count;
    this.#words = new Int32Array(new SharedArrayBuffer(nWords * Int32Array.BYTES_PER_ELEMENT));
    this.#patienceMs = patienceMs;
    this.#nFiles = nFiles;
  }

  /**
   * Starts threads. They do not keep the process alive.
   *
   * @param files the first files; they are open when this resolves
   * @throws an error of the system when one of these cannot be opened
   */
  static async start(
    count: number,
    files: readonly FileToRead[] = [],
    patienceMs: number = PATIENCE_MS,
  ): Promise<Readers> {
    const readers = new Readers(count, files.length, patienceMs);
    const places = { BATCH, READERS, STATE, PIECE_NUMBERS, CHECK_NUMBERS };
    const common = { words: readers.#words, files, places };
    const sizes = { block: READ_BLOCK, lookEvery: PIECE_BYTES };
    const started = await Promise.allSettled(
      Array.from({ length: count }, (_, reader) => readers.#start({ ...common, ...sizes, reader })),
    );
    readers.#workers = started.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const failed = started.find((one) => one.status === "rejected");
    if (!failed) return readers;
    await readers.close();
    throw failed.reason;
  }

  #start(data: ReaderData): Promise<Worker> {
    const worker = new Worker(PROGRAM, { eval: true, workerData: data });
    worker.once("exit", () => {
      Atomics.store(this.#words, READERS.states + data.reader, STATE.ended);
    });
    return new Promise((resolve, reject) => {
      worker.once("message", () => {
        worker.unref();
        worker.on("error", () => {}); // `wait` tells that it ended
        resolve(worker);
      });
      worker.once("error", reject);
    });
  }

  /** Whether a file could not be read past the cache of the system, as it was meant to. */
  get isRefused(): boolean {
    return Atomics.load(this.#words, READERS.isRefused) !== 0;
  }

  /** Adds a file, which each reader opens when it first needs it, and returns its number. */
  addFile(file: FileToRead): number {
    this.#newFiles.push(file);
    return this.#nFiles++;
  }

  /**
   * Begins to read.
   *
   * @param isGuess whether nobody waits for it yet; every other read goes first
   */
  begin(jobs: readonly ReadJob[], isGuess: boolean = false): BatchUnderWay {
    const batch = readBatch(jobs, isGuess, (buffer) => this.#numberOf(buffer));
    const message: ReaderMessage = { files: this.#newFiles, buffers: this.#newBuffers, batch };
    for (const worker of this.#workers) worker.postMessage(message);
    this.#newFiles = [];
    this.#newBuffers = [];
    return this.#underWay(jobs, batch);
  }

  #numberOf(buffer: SharedArrayBuffer): number {
    const known = this.#bufferNumbers.get(buffer);
    if (known !== undefined) return known;
    this.#newBuffers.push(buffer);
    this.#bufferNumbers.set(buffer, this.#bufferNumbers.size);
    return this.#bufferNumbers.size - 1;
  }

  #underWay(jobs: readonly ReadJob[], batch: ReadBatch): BatchUnderWay {
    const { words } = batch;
    let nToFinish = batch.pieces.length / PIECE_NUMBERS;
    const hurry = (): void => {
      Atomics.store(words, BATCH.isGuess, 0);
    };
    return {
      hurry,
      get isDone() {
        return Atomics.load(words, BATCH.finished) >= nToFinish;
      },
      wait: () => {
        hurry();
        this.#waitFor(words, nToFinish);
        return failureOf(batch, jobs);
      },
      cancel: () => {
        nToFinish = Math.min(nToFinish, Atomics.add(words, BATCH.taken, NO_MORE));
        try {
          this.#waitFor(words, nToFinish);
        } catch {} // a thread that has ended writes no more
        return bytesOf(batch, nToFinish);
      },
      results: () => resultsOf(batch),
    };
  }

  #waitFor(words: Int32Array, nToFinish: number): void {
    let progress = -1;
    let waited = awakeTime();
    for (;;) {
      const finished = Atomics.load(words, BATCH.finished);
      if (finished >= nToFinish) return;
      if (this.#hasLost(words, nToFinish)) throw new ReaderError("reading", "a reader has ended");
      const now = Atomics.load(this.#words, READERS.progress);
      if (now !== progress) waited = awakeTime();
      progress = now;
      if (waited() > this.#patienceMs) {
        const text = `nothing was read in ${this.#patienceMs / 1000} s; does the disk answer?`;
        throw new ReaderError("reading", text);
      }
      Atomics.wait(words, BATCH.finished, finished, LOOK_EVERY_MS);
    }
  }

  /** Whether what is left belongs to a reader that has ended. */
  #hasLost(words: Int32Array, nToFinish: number): boolean {
    const states = this.#words.subarray(READERS.states).map((_, i, all) => Atomics.load(all, i));
    if (states.every((state) => state === STATE.ended)) return true;
    const isTaken = Atomics.load(words, BATCH.taken) >= nToFinish;
    if (!isTaken || !states.includes(STATE.ended) || states.includes(STATE.busy)) return false;
    return Atomics.load(words, BATCH.finished) < nToFinish; // the others may have finished just now
  }

  /** Ends the threads, and closes their files. Nothing is read afterwards. */
  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map((worker) => {
        worker.ref(); // or the process may end before the thread does
        return worker.terminate();
      }),
    );
  }
}
