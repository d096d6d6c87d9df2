/**
 * Reads the dump of any engine: one tensor for each stage, in a safetensors file, a .npz or .npy file,
 * a folder of .npy files, or a text. The first bytes of a file tell which it is, not its name.
 *
 * Next: stored.ts, ../judge/judge.ts
 * @module
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ByteSource, memorySource, readExactly } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { handleSource, openRegular } from "../../node/file-source.ts";
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

/** A file or folder by its path, or the bytes of a file. */
export type DumpSource = string | Uint8Array;

type OnProgress = (done: number, total: number) => void;

/** As many bytes of a file as tell its container. */
const SNIFF_BYTES = 65536;

/** What messages call bytes that come from no file. */
const NAMELESS = "dump";

/**
 * Reads a dump whole. An array of a .npy file is called as the file is; bytes of one have no name.
 *
 * @throws {WeightsError} for a file that is cut off or in none of the formats
 * @throws {UserError} when two tensors are the same stage, a file is damaged, or a format is neither
 *   float nor integer
 */
export async function readEngineDump(
  source: DumpSource,
  names: NameMap,
  onProgress: OnProgress,
): Promise<Dump> {
  const where = typeof source === "string" ? source : NAMELESS;
  const tensors = await (typeof source === "string"
    ? readPath(source, onProgress)
    : readBytes(source, onProgress));
  const dump = new Map<string, DumpTensor>();
  for (const [theirName, tensor] of tensors) {
    const name = stageName(theirName, names);
    const other = dump.get(name);
    if (other) {
      throw new UserError(where, `${other.theirName} and ${theirName} both are stage ${name}`);
    }
    dump.set(name, { theirName, ...tensor });
  }
  return dump;
}

type Tensors = [string, StoredTensor][];

async function readPath(path: string, onProgress: OnProgress): Promise<Tensors> {
  if ((await stat(path)).isDirectory()) return readFolder(path, onProgress);
  const handle = await openRegular(path, path);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const first = buffer.subarray(0, bytesRead);
    const whole = () => readFile(path);
    return (
      (await readWhole(path, first, whole, onProgress)) ??
      (await readSafetensors(await handleSource(path, handle), onProgress))
    );
  } finally {
    await handle.close();
  }
}

async function readBytes(bytes: Uint8Array, onProgress: OnProgress): Promise<Tensors> {
  const whole = async () => bytes;
  return (
    (await readWhole(NAMELESS, bytes.subarray(0, SNIFF_BYTES), whole, onProgress)) ??
    (await readSafetensors(memorySource(NAMELESS, bytes), onProgress))
  );
}

async function readFolder(folder: string, onProgress: OnProgress): Promise<Tensors> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".npy")).sort();
  if (files.length === 0) throw new UserError(folder, "expected .npy files, got none");
  const arrays: Tensors = [];
  for (const name of files) {
    const path = join(folder, name);
    arrays.push([arrayName(name), readNpy(path, await readFile(path))]);
    onProgress(arrays.length, files.length);
  }
  return arrays;
}

const arrayName = (file: string): string => basename(file).replace(/\.npy$/, "");

/** Reads the containers that are unpacked from memory; undefined where the bytes are of none. */
async function readWhole(
  where: string,
  first: Uint8Array,
  whole: () => Promise<Uint8Array>,
  onProgress: OnProgress,
): Promise<Tensors | undefined> {
  if (isNpy(first)) return [[arrayName(where), readNpy(where, await whole())]];
  if (isZip(first)) return readNpz(where, await whole(), onProgress);
  if (isText(first)) return readText(where, await whole());
  return undefined;
}

/** Reads tensor by tensor, so that a large file is never in memory beside its tensors. */
async function readSafetensors(source: ByteSource, onProgress: OnProgress): Promise<Tensors> {
  const tensors: Tensors = [];
  for (const [name, { dtype, shape, offset, length }] of (await readHeader(source)).tensors) {
    const bytes = await readExactly(source, offset, length);
    tensors.push([name, unpack(`${source.name}: ${name}`, dtype, shape, bytes)]);
    onProgress(offset + length, source.size);
  }
  return tensors;
}

/** The class of engine that the coarsest number format of a dump speaks for. */
export function classOf(dump: Dump): EngineClass {
  const dtypes = new Set([...dump.values()].map(({ dtype }) => dtype.toUpperCase()));
  if (dtypes.has("BF16")) return "bf16";
  return dtypes.has("F16") ? "f16-cache" : "f32";
}
