/**
 * A file for cold rows: scratch, of use to nobody else. Its name goes as soon as it is open, so
 * whatever ends the process, nothing is left behind.
 *
 * A thread of its own reads ahead, straight into memory that it shares with the kernels.
 * @module
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { awakeTime } from "../../engine/base/awake-time.ts";
import type { PendingReads, RowStore, StoreRead } from "../../engine/index.ts";

/** How a batch of reads went: the one word that both threads look at. */
const STATE = { reading: 0, done: 1, failed: 2 } as const;

/** How long a batch may take before the reader counts as dead. */
const PATIENCE_MS = 60_000;

/** How often the clock is looked at meanwhile. */
const LOOK_EVERY_MS = 10;

/** What the thread does: batch after batch, `(offset, address, length)` of each read. */
const READER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { openSync, readSync } = require("node:fs");
  const file = openSync(workerData, "r");
  parentPort.on("message", ({ buffer, reads, state }) => {
    let isWhole = true;
    try {
      for (let i = 0; i < reads.length; i += 3) {
        const target = new Uint8Array(buffer, reads[i + 1], reads[i + 2]);
        isWhole &&= readSync(file, target, 0, target.length, reads[i]) === target.length;
      }
    } catch {
      isWhole = false;
    }
    Atomics.store(state, 0, isWhole ? ${STATE.done} : ${STATE.failed});
    Atomics.notify(state, 0);
  });
  parentPort.postMessage("here");`;

/** A store of rows in a file. */
export interface RowFile extends RowStore {
  /** Ends the thread and gives the file's space back. Sessions that use the store must be closed. */
  close(): Promise<void>;
}

/**
 * Makes the file. It goes with the process, or when it is closed.
 *
 * @param readsAhead whether a thread reads rows before they are needed; it changes no byte
 * @throws an error of the system when the file exists, or cannot be made
 */
export async function rowFile(path: string, readsAhead: boolean = true): Promise<RowFile> {
  const file = openSync(path, "wx+");
  try {
    const reader = readsAhead ? await startReader(path) : undefined;
    return {
      name: path,
      read: (offset, target) => read(file, offset, target),
      write: (offset, bytes) => write(file, offset, bytes),
      ...(reader && { begin: (reads) => begin(reader, reads) }),
      close: async () => {
        reader?.ref(); // or the process may end before the thread does
        await reader?.terminate();
        closeSync(file);
      },
    };
  } finally {
    unlinkSync(path);
  }
}

function read(file: number, offset: number, target: Uint8Array): number {
  for (let done = 0; ; ) {
    const n = readSync(file, target, done, target.length - done, offset + done);
    done += n;
    if (n === 0 || done === target.length) return done;
  }
}

function write(file: number, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}

function startReader(path: string): Promise<Worker> {
  const worker = new Worker(READER, { eval: true, workerData: path });
  return new Promise((resolve, reject) => {
    worker.once("message", () => {
      worker.unref();
      resolve(worker);
    });
    worker.once("error", reject);
  });
}

/** Nothing when the memory is not shared: that of the reference. */
function begin(reader: Worker, reads: readonly StoreRead[]): PendingReads | undefined {
  const { buffer } = reads[0].target;
  if (!(buffer instanceof SharedArrayBuffer)) return undefined;
  const state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const numbers = reads.flatMap(({ offset, target }) => [offset, target.byteOffset, target.length]);
  reader.postMessage({ buffer, reads: Float64Array.from(numbers), state });
  return {
    get isDone() {
      return Atomics.load(state, 0) !== STATE.reading;
    },
    wait: () => {
      const waited = awakeTime();
      while (Atomics.wait(state, 0, STATE.reading, LOOK_EVERY_MS) === "timed-out") {
        if (waited() > PATIENCE_MS) break;
      }
      const result = Atomics.load(state, 0);
      if (result !== STATE.done) throw new Error(result === STATE.failed ? "failed" : "no answer");
    },
  };
}
