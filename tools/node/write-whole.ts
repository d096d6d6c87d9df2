import { randomBytes } from "node:crypto";
import { access, constants, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "./user-error.ts";

/** Bytes between two looks at the signal. */
const PIECE = 2 ** 24;

/**
 * Writes a file so that `path` holds, at every moment, either what it held before or all of the
 * new bytes: into a file beside it, to the disk, then renamed over it.
 *
 * @throws the signal's reason when it aborts; nothing is left behind then
 */
export function writeWhole(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  return writePieces(path, [bytes], signal);
}

/** {@link writeWhole} for a file that never stands in memory as one. */
export async function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const random = randomBytes(6).toString("hex");
  const temporary = join(dirname(path), `.${basename(path)}.${random}.tmp`);
  const file = await open(temporary, "wx");
  try {
    try {
      for await (const bytes of pieces) {
        for (let at = 0; at < bytes.length; ) {
          signal?.throwIfAborted();
          at += (await file.write(bytes, at, Math.min(PIECE, bytes.length - at))).bytesWritten;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Finds out before hours of work whether a file could be written.
 *
 * @throws {UserError} when it could not
 */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new UserError(path, `there is no folder ${folder}`);
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new UserError(path, "expected the name of a file, this is a folder");
  }
  await access(folder, constants.W_OK).catch(() => {
    throw new UserError(path, `the folder ${folder} is not writable`);
  });
}
