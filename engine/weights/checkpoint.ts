/**
 * The directory of a checkpoint, over all of its files: `model.safetensors` alone, or shards that
 * `model.safetensors.index.json` lists.
 *
 * Next: names.ts
 * @module
 */
import { type ByteSource, type CheckpointFiles, readExactly } from "./byte-source.ts";
import { parseJson } from "./json.ts";
import { type Header, readHeader, type StoredDtype, type TensorEntry } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/** A tensor as it stands in a file, which may be of any format. */
export interface StoredTensor {
  /** The format of its numbers. */
  readonly dtype: StoredDtype;
  /** Length of each axis. */
  readonly shape: readonly number[];
  /** The numbers, row-major and little-endian. */
  readonly bytes: Uint8Array;
}

/** Where a tensor of a checkpoint is. */
export interface CheckpointEntry extends TensorEntry {
  /** The name of the file. */
  readonly file: string;
}

/** All tensors of a checkpoint. Only the headers of the files have been read. */
export interface Checkpoint {
  /** The place of each tensor, by its name. */
  readonly tensors: ReadonlyMap<string, CheckpointEntry>;
  /** Reads a tensor. The caller must not write to its bytes. */
  read(name: string): Promise<StoredTensor>;
}

/** The file of a checkpoint that is not cut into shards. */
export const SINGLE_FILE = "model.safetensors";

/** The list of the shards of one that is. */
export const INDEX_FILE = "model.safetensors.index.json";

/** Longest index that is read, in bytes. That of GLM-5.2-FP8 has 13 million. */
const MAX_INDEX = 200_000_000;

/**
 * Reads the headers of all files and joins them.
 *
 * Nothing in the index is trusted: it must list exactly the tensors that the shards hold. Its
 * `metadata` is not read, because published ones are wrong (NVIDIA's counts packed elements).
 *
 * @throws {WeightsError} when a file is malformed, or when the index and the shards disagree
 */
export async function openCheckpoint(files: CheckpointFiles): Promise<Checkpoint> {
  const names = new Set(await files.list());
  if (names.has(SINGLE_FILE) === names.has(INDEX_FILE)) {
    const got = names.has(SINGLE_FILE) ? "both" : "neither";
    throw new WeightsError("checkpoint", `expected ${SINGLE_FILE} or ${INDEX_FILE}, got ${got}`);
  }
  const sources = new Map<string, ByteSource>();
  const tensors = new Map<string, CheckpointEntry>();
  const openShard = async (file: string): Promise<Header> => {
    const source = await files.open(file);
    sources.set(file, source);
    return readHeader(source);
  };

  const map = names.has(INDEX_FILE) ? await readIndex(files) : undefined;
  for (const file of map === undefined ? [SINGLE_FILE] : new Set(map.values())) {
    if (!names.has(file)) throw new WeightsError(INDEX_FILE, `${file} is not there`);
    for (const [name, entry] of (await openShard(file)).tensors) {
      if (map !== undefined && map.get(name) !== file) {
        const says = map.has(name) ? `says ${map.get(name)}` : "does not list it";
        throw new WeightsError(file, `holds ${name}, but ${INDEX_FILE} ${says}`);
      }
      tensors.set(name, { ...entry, file });
    }
  }
  for (const [name, file] of map ?? []) {
    if (!tensors.has(name)) throw new WeightsError(file, `${INDEX_FILE} expects ${name} here`);
  }

  return {
    tensors,
    read: async (name) => {
      const entry = tensors.get(name);
      const source = sources.get(entry?.file ?? "");
      if (entry === undefined || source === undefined) {
        throw new WeightsError(name, "not in the checkpoint");
      }
      const { dtype, shape, offset, length } = entry;
      return { dtype, shape, bytes: await readExactly(source, offset, length) };
    },
  };
}

/** Reads the file of each tensor. A file is a plain name beside the index, never a path. */
async function readIndex(files: CheckpointFiles): Promise<ReadonlyMap<string, string>> {
  const source = await files.open(INDEX_FILE);
  if (source.size > MAX_INDEX) {
    throw new WeightsError(INDEX_FILE, `expected at most ${MAX_INDEX} bytes, got ${source.size}`);
  }
  const json = parseJson(INDEX_FILE, await readExactly(source, 0, source.size), "any");
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new WeightsError(INDEX_FILE, "expected an object weight_map");
  }
  const entries = Object.entries(map as Record<string, unknown>);
  for (const [name, file] of entries) {
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      const got = String(JSON.stringify(file)).slice(0, 80);
      throw new WeightsError(INDEX_FILE, `${name}: expected a file name, got ${got}`);
    }
  }
  return new Map(entries as [string, string][]);
}
