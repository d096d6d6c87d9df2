/**
 * Where bytes come from. The engine never opens a file; Node, Deno and a browser each bring their
 * own sources.
 *
 * Next: safetensors.ts
 * @module
 */
import { WeightsError } from "./weights-error.ts";

/** Bytes that can be read at any place. */
export interface ByteSource {
  /** What error messages call it. */
  readonly name: string;
  /** Its length in bytes. */
  readonly size: number;
  /**
   * Returns the bytes `offset … offset + length − 1`, or fewer where the source ends. The caller
   * must not write to them, and the source does not change them later.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The named files of one checkpoint, each opened when it is first needed. */
export interface CheckpointFiles {
  /** Returns the names of all files. */
  list(): Promise<readonly string[]>;
  /** Opens a file. */
  open(name: string): Promise<ByteSource>;
}

/** Makes a source of bytes that are already in memory. They are not copied. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** Makes the files of a checkpoint of bytes that are already in memory. They are not copied. */
export function memoryFiles(files: Readonly<Record<string, Uint8Array>>): CheckpointFiles {
  return {
    list: async () => Object.keys(files),
    open: async (name) => {
      if (!Object.hasOwn(files, name)) throw new WeightsError(name, "no such file");
      return memorySource(name, files[name]);
    },
  };
}

/**
 * Reads exactly the bytes that are asked for.
 *
 * @throws {WeightsError} when the range leaves the source (nothing is allocated then), or when the
 *   source gives fewer bytes than it promised
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
    throw new WeightsError(
      source.name,
      `expected bytes ${offset} … ${offset + length}, got a file of ${source.size}`,
    );
  }
  if (length === 0) return new Uint8Array(0);
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) {
    throw new WeightsError(
      source.name,
      `expected ${length} bytes at ${offset}, got ${bytes.length}`,
    );
  }
  return bytes;
}
