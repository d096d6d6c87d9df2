/**
 * Files on disk as sources of the engine, read by position.
 * @module
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource, CheckpointFiles } from "../../engine/weights/byte-source.ts";
import { WeightsError } from "../../engine/weights/weights-error.ts";
import { UserError } from "./user-error.ts";

/** Most bytes that one system call is asked for; Node refuses 2^31 and more. */
const CHUNK = 2 ** 30;

/** A folder of checkpoint files. Close it when the weights are loaded. */
export interface FileCheckpoint extends CheckpointFiles {
  /** Closes the files. Nothing can be read afterwards. */
  close(): Promise<void>;
}

/** The files of a folder, each opened once, at its first use. */
export function fileCheckpoint(folder: string): FileCheckpoint {
  const handles: FileHandle[] = [];
  return {
    list: () => readdir(folder),
    open: async (name) => {
      if (/[/\\]/.test(name)) throw new WeightsError(name, "expected a name, got a path");
      const handle = await openRegular(join(folder, name), name);
      handles.push(handle);
      return handleSource(name, handle);
    },
    close: async () => {
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    },
  };
}

/** Lets `use` read the files of a folder, and closes them. */
export async function withFiles<T>(
  folder: string,
  use: (files: CheckpointFiles) => Promise<T>,
): Promise<T> {
  const files = fileCheckpoint(folder);
  try {
    return await use(files);
  } finally {
    await files.close();
  }
}

/**
 * Opens a regular file for reading. A pipe would wait for ever, and a device may have no end.
 *
 * @param where what an error calls it
 * @throws {UserError} when it is something else
 */
export async function openRegular(path: string, where: string): Promise<FileHandle> {
  mustBeRegular(await stat(path), where);
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    mustBeRegular(await handle.stat(), where); // it may have been replaced in between
  } catch (error) {
    await handle.close();
    throw error;
  }
  return handle;
}

/**
 * @param where what the error calls it
 * @throws {UserError} when it is something else than a regular file
 */
export function mustBeRegular(found: Stats, where: string): void {
  if (found.isFile()) return;
  const got = found.isDirectory() ? "a folder" : found.isFIFO() ? "a pipe" : "a device or socket";
  throw new UserError(where, `expected a regular file, got ${got}`);
}

/** One file. The caller closes the handle. */
export async function handleSource(name: string, handle: FileHandle): Promise<ByteSource> {
  const { size } = await handle.stat();
  return {
    name,
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const ask = Math.min(CHUNK, length - done);
        const { bytesRead } = await handle.read(bytes, done, ask, offset + done);
        if (bytesRead === 0) break; // the file has shrunk; the engine compares the lengths
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
  };
}
