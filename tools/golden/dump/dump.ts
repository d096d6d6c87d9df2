/**
 * Reads the dump of any engine: one tensor for each stage, in a safetensors file, a .npz or .npy file,
 * a file of torch.save, a text, or a folder (dump-folder.ts). The first bytes of a file tell which it
 * is, not its name.
 *
 * Next: stored.ts, ../judge/judge.ts
 * @module
 */

import { readFile, stat } from "node:fs/promises";
import { type ByteSource, memorySource, readExactly } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { handleSource, openRegular } from "../../node/file-source.ts";
import { UserError } from "../../node/user-error.ts";
import { type NameMap, stageName } from "../case/engine-names.ts";
import { dumpFiles, nameOfFile } from "./dump-folder.ts";
import { isNpy, readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { type StoredTensor, unpack } from "./stored.ts";
import { isText, readText } from "./text.ts";
import { isTorch, readTorch } from "./torch.ts";
import { isZip } from "./zip.ts";

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
 * Reads a dump whole. A tensor without a name is called as its file is; bytes of one have no name.
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
  return readOne(path, onProgress);
}

async function readOne(path: string, onProgress: OnProgress): Promise<Tensors> {
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
  const files = await dumpFiles(folder);
  const tensors: Tensors = [];
  for (const [i, path] of files.entries()) {
    tensors.push(...(await readOne(path, () => {})));
    onProgress(i + 1, files.length);
  }
  return tensors;
}

/** Reads the containers that are unpacked from memory; undefined where the bytes are of none. */
async function readWhole(
  where: string,
  first: Uint8Array,
  whole: () => Promise<Uint8Array>,
  onProgress: OnProgress,
): Promise<Tensors | undefined> {
  if (isNpy(first)) return [[nameOfFile(where), readNpy(where, await whole())]];
  if (isZip(first)) {
    const bytes = await whole();
    if (isTorch(where, bytes)) return readTorch(where, bytes, nameOfFile(where));
    return readNpz(where, bytes, onProgress);
  }
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
