/**
 * Opens files in the folder of a session. A symbolic link is not followed, and a device or a pipe is
 * not read: a folder that somebody else has prepared must not lead a write out of it, nor hold the
 * program up.
 *
 * Next: alive-pipe.ts
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { explained, SavedSessionError } from "./session-error.ts";

/** Windows has neither of these flags, and no such links without a right to make them. */
const { O_RDONLY, O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * Opens an existing regular file.
 *
 * @throws {SavedSessionError} when it is a link, a device, a pipe or a folder, or cannot be opened
 */
export function openRegular(path: string, how: "r" | "r+"): number {
  const access = how === "r" ? O_RDONLY : O_RDWR;
  return explained(path, () => {
    const file = openSync(path, access | O_NOFOLLOW | O_NONBLOCK);
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
    throw new SavedSessionError(path, "expected a regular file, got a folder, a device or a pipe");
  });
}

/**
 * Reads a whole file that is expected to be small.
 *
 * @param maxBytes the most bytes that it may have
 */
export function readSmall(path: string, maxBytes: number): Uint8Array {
  const file = openRegular(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size > maxBytes) {
      throw new SavedSessionError(path, `expected at most ${maxBytes} bytes, got ${size}`);
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readFully(file, 0, bytes));
  } finally {
    closeSync(file);
  }
}

/** Reads bytes into `target`. Returns how many there were, which is fewer at the end of the file. */
export function readFully(file: number, offset: number, target: Uint8Array): number {
  let done = 0;
  for (let n = -1; n !== 0 && done < target.length; done += n) {
    n = readSync(file, target, done, target.length - done, offset + done);
  }
  return done;
}
