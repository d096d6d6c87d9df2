/**
 * A file for cold rows: scratch, of use to nobody else. Its name goes as soon as it is open, so
 * whatever ends the process, nothing is left behind.
 * @module
 */
import { openSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { RowStore } from "../engine/index.ts";

/**
 * Makes the file. It is closed with the process.
 *
 * @throws an error of the system when it exists, or cannot be made
 */
export function rowFile(path: string): RowStore {
  const file = openSync(path, "wx+");
  unlinkSync(path);
  return {
    name: path,
    read: (offset, target) => {
      for (let done = 0; ; ) {
        const n = readSync(file, target, done, target.length - done, offset + done);
        done += n;
        if (n === 0 || done === target.length) return done;
      }
    },
    write: (offset, bytes) => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      }
    },
  };
}
