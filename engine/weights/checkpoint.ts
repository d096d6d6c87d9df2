/**
 * The directory of a checkpoint, over all of its files: `model.safetensors` alone, or shards that
 * `model.safetensors.index.json` lists.
 *
 * Next: names.ts
 * @module
 */
import type { Aside } from "../base/aside.ts";
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

/** A file that the index lists and that is not there. */
export interface AbsentFile {
  /** Its name. */
  readonly file: string;
  /** The tensors that the index expects in it. */
  readonly tensors: readonly string[];
  /** Its size, where that is known. */
  readonly bytes?: number | undefined;
}

/** What may be wrong with the files of a checkpoint. By default, nothing. */
export interface OpenRules {
  /**
   * Whether the caller can do without a tensor. A file that holds only such tensors may be missing or
   * damaged; they are `lost` then.
   */
  readonly canLack?: (tensor: string) => boolean;
  /** The sizes of files, where they are known, from the file of each tensor. */
  readonly sizesOf?: (map: ReadonlyMap<string, string>) => ReadonlyMap<string, number>;
  /** What needs the tensors that cannot be lacked, for messages: a plural. */
  readonly wanted?: string | undefined;
}

/** All tensors of a checkpoint. Only the headers of the files have been read. */
export interface Checkpoint {
  /** The place of each tensor, by its name. */
  readonly tensors: ReadonlyMap<string, CheckpointEntry>;
  /** Why tensors that the caller can do without cannot be read, by their names. */
  readonly lost?: ReadonlyMap<string, WeightsError> | undefined;
  /** The files that the index lists, are not there, and hold only such tensors. */
  readonly absent?: readonly AbsentFile[] | undefined;
  /** What stands in the files twice and was taken once. */
  readonly asides?: readonly Aside[] | undefined;
  /** Reads a tensor. The caller must not write to its bytes. */
  read(name: string): Promise<StoredTensor>;
}

/** The file of a checkpoint that is not cut into shards. */
export const SINGLE_FILE = "model.safetensors";

/** The list of the shards of one that is. */
export const INDEX_FILE = "model.safetensors.index.json";

/** A file for the MTP layer alone, which some checkpoints have beside the others. */
export const MTP_FILE = "mtp.safetensors";

/** Longest index that is read, in bytes. That of GLM-5.2 in FP8 has 11 million. */
const MAX_INDEX = 32_000_000;

/**
 * Reads the headers of all files and joins them.
 *
 * Nothing in the index is trusted: it must list exactly the tensors that the shards hold. Its
 * `metadata` is not read, because published ones are wrong (NVIDIA's counts packed elements).
 *
 * @throws {WeightsError} when a file is malformed, or when the index and the shards disagree
 */
export async function openCheckpoint(
  files: CheckpointFiles,
  rules: OpenRules = {},
): Promise<Checkpoint> {
  const names = await files.list();
  const map = names.includes(INDEX_FILE) ? await readIndex(files) : undefined;
  const union = new Union(files, new Set(names));
  if (map) await union.addListed(map, rules);
  else for (const file of filesWithoutIndex(names)) await union.addAll(file);
  if (names.includes(MTP_FILE) && !union.has(MTP_FILE)) await union.addMtp();
  return union;
}

/** Collects the tensors of several files. */
class Union implements Checkpoint {
  readonly tensors = new Map<string, CheckpointEntry>();
  readonly lost = new Map<string, WeightsError>();
  readonly absent: AbsentFile[] = [];
  readonly asides: Aside[] = [];
  readonly #files: CheckpointFiles;
  readonly #names: ReadonlySet<string>;
  readonly #sources = new Map<string, ByteSource>();

  constructor(files: CheckpointFiles, names: ReadonlySet<string>) {
    this.#files = files;
    this.#names = names;
  }

  has(file: string): boolean {
    return this.#sources.has(file);
  }

  /** Adds the files that an index lists. It must list just what they hold. */
  async addListed(map: ReadonlyMap<string, string>, rules: OpenRules): Promise<void> {
    const { canLack = () => false, sizesOf = () => new Map<string, number>(), wanted } = rules;
    const listed = new Map<string, string[]>();
    for (const [name, file] of map) {
      const names = listed.get(file);
      if (names) names.push(name);
      else listed.set(file, [name]);
    }
    if (this.#names.has(SINGLE_FILE) && !listed.has(SINGLE_FILE)) {
      const got = `both, and ${INDEX_FILE} does not list ${SINGLE_FILE}: remove the one that is stale`;
      throw new WeightsError("checkpoint", `expected ${SINGLE_FILE} or ${INDEX_FILE}, got ${got}`);
    }
    const gone = [...listed].filter(([file]) => !this.#names.has(file));
    const sizes = gone.length > 0 ? sizesOf(map) : undefined;
    const absent = gone.map(([file, tensors]) => ({ file, tensors, bytes: sizes?.get(file) }));
    const needed = absent.filter(({ tensors }) => !tensors.every(canLack));
    if (needed.length > 0) throw notThere(needed, wanted);
    for (const each of absent) {
      this.absent.push(each);
      for (const name of each.tensors) this.lost.set(name, notThere([each]));
    }
    for (const [file, tensors] of listed) {
      if (!this.#names.has(file)) continue;
      try {
        await this.#addShard(file, map, tensors);
      } catch (error) {
        if (!(error instanceof WeightsError && tensors.every(canLack))) throw error;
        for (const name of tensors) this.lost.set(name, error);
      }
    }
  }

  /** Adds all tensors of a file. */
  async addAll(file: string): Promise<void> {
    for (const [name, entry] of (await this.#header(file)).tensors) {
      const other = this.tensors.get(name)?.file;
      if (other !== undefined) throw new WeightsError(file, `holds ${name}, and so does ${other}`);
      this.tensors.set(name, { ...entry, file });
    }
  }

  /** Adds the tensors of {@link MTP_FILE} that no other file has. It may be damaged. */
  async addMtp(): Promise<void> {
    try {
      let nTwice = 0;
      for (const [name, entry] of (await this.#header(MTP_FILE)).tensors) {
        if (this.tensors.has(name)) nTwice++;
        else this.tensors.set(name, { ...entry, file: MTP_FILE });
      }
      if (nTwice === 0) return;
      const what = `${MTP_FILE} (${nTwice === 1 ? "1 tensor" : `${nTwice} tensors`})`;
      this.asides.push({ what, why: "other files hold tensors of the same names" });
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      this.lost.set(MTP_FILE, error);
    }
  }

  async read(name: string): Promise<StoredTensor> {
    const entry = this.tensors.get(name);
    const source = this.#sources.get(entry?.file ?? "");
    if (entry === undefined || source === undefined) {
      throw new WeightsError(name, "not in the checkpoint");
    }
    const { dtype, shape, offset, length } = entry;
    return { dtype, shape, bytes: await readExactly(source, offset, length) };
  }

  async #addShard(
    file: string,
    map: ReadonlyMap<string, string>,
    listed: readonly string[],
  ): Promise<void> {
    const { tensors } = await this.#header(file);
    for (const name of tensors.keys()) {
      if (map.get(name) === file) continue;
      const says = map.has(name) ? `says ${map.get(name)}` : "does not list it";
      throw new WeightsError(file, `holds ${name}, but ${INDEX_FILE} ${says}`);
    }
    const lost = listed.find((name) => !tensors.has(name));
    if (lost !== undefined) throw new WeightsError(file, `${INDEX_FILE} expects ${lost} here`);
    for (const [name, entry] of tensors) this.tensors.set(name, { ...entry, file });
  }

  async #header(file: string): Promise<Header> {
    const source = await this.#files.open(file);
    const header = await readHeader(source);
    this.#sources.set(file, source);
    return header;
  }
}

/** How many missing files a message lists. */
const MAX_LISTED = 20;

/** The error about files that are not there, which are to be got. */
function notThere(files: readonly AbsentFile[], wanted?: string): WeightsError {
  const listed = files.slice(0, MAX_LISTED).map(({ file, bytes }) => {
    return bytes === undefined ? file : `${file} (${(bytes / 1e9).toFixed(2)} GB)`;
  });
  if (files.length > MAX_LISTED) listed.push(`${files.length - MAX_LISTED} others`);
  const last = listed.pop();
  const all = listed.length > 0 ? `${listed.join(", ")} and ${last} are` : `${last} is`;
  const who =
    wanted === undefined ? "" : `, and ${wanted} need ${listed.length > 0 ? "them" : "it"}`;
  return new WeightsError(INDEX_FILE, `${all} not there${who}`);
}

/**
 * The files of a checkpoint without an index: the single file, or a set of shards whose names say
 * how many they are, all of them there.
 */
function filesWithoutIndex(names: readonly string[]): readonly string[] {
  if (names.includes(SINGLE_FILE)) return [SINGLE_FILE];
  const shards = names.flatMap((name) => {
    const [, stem, i, n] = /^(.+)-(\d{5})-of-(\d{5})\.safetensors$/.exec(name) ?? [];
    return stem === undefined ? [] : [{ name, stem, i: Number(i), n: Number(n) }];
  });
  const isSet = shards.every(({ stem, n }) => stem === shards[0].stem && n === shards.length);
  const numbers = new Set(shards.map(({ i }) => i));
  const isWhole = shards.length > 0 && isSet && shards.every((_, i) => numbers.has(i + 1));
  if (isWhole) return shards.map(({ name }) => name).sort();
  const got = shards.length === 0 ? "neither" : `${shards.length} shards that are no whole set`;
  throw new WeightsError("checkpoint", `expected ${SINGLE_FILE} or ${INDEX_FILE}, got ${got}`);
}

/**
 * Reads the file of each tensor from the index. A file is a plain name beside the index, never a path.
 */
export async function readIndex(files: CheckpointFiles): Promise<ReadonlyMap<string, string>> {
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
