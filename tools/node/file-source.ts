/**
 * Files on disk as sources of the engine, read by position.
 * @module
 */
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource, CheckpointFiles } from "../../engine/weights/byte-source.ts";
import { WeightsError } from "../../engine/weights/weights-error.ts";

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
      const handle = await open(join(folder, name), "r");
      handles.push(handle);
      return handleSource(name, handle);
    },
    close: async () => {
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    },
  };
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
