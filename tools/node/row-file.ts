/**
 * A file for cold rows: scratch, of use to nobody else. Its name goes as soon as it is open, so
 * whatever ends the process, nothing is left behind.
 *
 * A thread of its own reads ahead, straight into memory that it shares with the kernels.
 * @module
 */
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import type { PendingReads, RowStore, StoreRead } from "../../engine/index.ts";
import { readAt } from "./read-at.ts";
import { isShared } from "./read-batch.ts";
import { Readers } from "./readers.ts";

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
    const here = { path, flags: constants.O_RDONLY, directFlag: 0 };
    const reader = readsAhead ? await Readers.start(1, [here]) : undefined;
    return {
      name: path,
      read: (offset, target) => readAt(file, offset, target),
      write: (offset, bytes) => write(file, offset, bytes),
      ...(reader && { begin: (reads) => begin(reader, reads) }),
      close: async () => {
        await reader?.close();
        closeSync(file);
      },
    };
  } finally {
    unlinkSync(path);
  }
}

function write(file: number, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}

/** Nothing when the memory is not shared: that of the reference. */
function begin(reader: Readers, reads: readonly StoreRead[]): PendingReads | undefined {
  if (!reads.every(({ target }) => isShared(target))) return undefined;
  const batch = reader.begin(reads.map(({ offset, target }) => ({ file: 0, offset, target })));
  return {
    get isDone() {
      return batch.isDone;
    },
    wait: () => {
      const failure = batch.wait();
      if (failure) throw new Error(failure.text ?? `the file ended after ${failure.got} bytes`);
    },
  };
}
