/**
 * Dumps of any engine: one tensor per stage, in a safetensors file, a .npz or .npy, a folder of
 * .npy files, or text. The container is told by its first bytes, not by its name.
 *
 * Next: judge.ts
 * @module
 */

import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { readExactly } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { handleSource } from "../../node/file-source.ts";
import { UserError } from "../../node/user-error.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { type NameMap, stageName } from "../case/engine-names.ts";
import { isNpy, readNpy } from "./npy.ts";
import { isZip, readNpz } from "./npz.ts";
import { type StoredTensor, unpack } from "./stored.ts";
import { isText, readText } from "./text.ts";

/** A tensor of a dump, under our stage's name. */
export interface DumpTensor extends StoredTensor {
  /** What the file calls it. */
  readonly theirName: string;
}

/** A dump by stage. */
export type Dump = ReadonlyMap<string, DumpTensor>;

/** Bytes that tell a container. */
const TELLING = 65536;

/**
 * Reads a dump whole.
 *
 * @throws {WeightsError} for a file that is cut off or in none of the formats
 * @throws {UserError} when two tensors are the same stage, a file is damaged, or a format is neither
 *   float nor integer
 */
export async function readEngineDump(
  file: string,
  names: NameMap,
  onProgress: (done: number, total: number) => void,
): Promise<Dump> {
  const dump = new Map<string, DumpTensor>();
  for (const [theirName, tensor] of await readTensors(file, onProgress)) {
    const name = stageName(theirName, names);
    const other = dump.get(name);
    if (other) {
      throw new UserError(file, `${other.theirName} and ${theirName} both are stage ${name}`);
    }
    dump.set(name, { theirName, ...tensor });
  }
  return dump;
}

async function readTensors(
  file: string,
  onProgress: (done: number, total: number) => void,
): Promise<[string, StoredTensor][]> {
  if ((await stat(file)).isDirectory()) return readFolder(file, onProgress);
  const first = await firstBytes(file);
  if (isNpy(first)) return [[arrayName(file), readNpy(file, await readFile(file))]];
  if (isZip(first)) return readNpz(file, await readFile(file), onProgress);
  if (isText(first)) return readText(file, await readFile(file));
  return readSafetensors(file, onProgress);
}

async function readFolder(
  folder: string,
  onProgress: (done: number, total: number) => void,
): Promise<[string, StoredTensor][]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".npy")).sort();
  if (files.length === 0) throw new UserError(folder, "expected .npy files, got none");
  const arrays: [string, StoredTensor][] = [];
  for (const name of files) {
    const path = join(folder, name);
    arrays.push([arrayName(name), readNpy(path, await readFile(path))]);
    onProgress(arrays.length, files.length);
  }
  return arrays;
}

const arrayName = (file: string): string => basename(file).replace(/\.npy$/, "");

async function firstBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(TELLING), 0, TELLING, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readSafetensors(
  file: string,
  onProgress: (done: number, total: number) => void,
): Promise<[string, StoredTensor][]> {
  const handle = await open(file, "r");
  try {
    const source = await handleSource(file, handle);
    const tensors: [string, StoredTensor][] = [];
    for (const [name, { dtype, shape, offset, length }] of (await readHeader(source)).tensors) {
      const bytes = await readExactly(source, offset, length);
      tensors.push([name, unpack(`${file}: ${name}`, dtype, shape, bytes)]);
      onProgress(offset + length, source.size);
    }
    return tensors;
  } finally {
    await handle.close();
  }
}

/** The class that a dump's coarsest format speaks for, when nothing is said. */
export function classOf(dump: Dump): EngineClass {
  const dtypes = new Set([...dump.values()].map(({ dtype }) => dtype.toUpperCase()));
  if (dtypes.has("BF16")) return "bf16";
  return dtypes.has("F16") ? "f16-cache" : "f32";
}
