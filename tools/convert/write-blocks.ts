/**
 * Fills the new files of a conversion, block after block, and goes on where an earlier process stopped.
 *
 * Next: quantize-folder.ts
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OnProgress } from "../../engine/weights/load.ts";
import { mustHaveRoom } from "../node/disk-room.ts";
import { AnotherWork } from "../node/unfinished-folder.ts";
import { UserError } from "../node/user-error.ts";
import { type BlockReader, type Place, placesOf } from "./blocks.ts";
import { convertBlocks } from "./convert-blocks.ts";
import { Journal, readJournal, sha256, type WrittenBlock } from "./journal.ts";
import type { ConversionPlan } from "./plan.ts";
import type { ErrorSums, TensorError } from "./round-tensor.ts";
import type { Rounding } from "./round-threads.ts";

/** How files are filled. */
export interface FillOptions {
  /** The file that remembers what is written; without one, nothing can be gone on with. */
  readonly journal?: string | undefined;
  /** Told how many bytes are written, and how many there will be. */
  readonly onProgress: OnProgress;
  /** Told how many bytes of an earlier process were read again, and how many there are. */
  readonly onChecked: OnProgress;
}

/** What was filled. */
export interface Filled {
  /** The rounding error of each tensor that was rounded, in the order of the files. */
  readonly tensors: readonly TensorError[];
  /** Bytes that an earlier process had written, and that are as it had written them. */
  readonly bytesKept: number;
}

/**
 * Writes the files of a plan into a folder.
 *
 * @throws what reading, rounding and writing throw; the journal stays then
 */
export async function fillFiles(
  plan: ConversionPlan,
  folder: string,
  { reader, rounding }: { readonly reader: BlockReader; readonly rounding: Rounding },
  { journal: path, onProgress, onChecked }: FillOptions,
): Promise<Filled> {
  const { blocks, targets } = plan;
  const places = (number: number): readonly Place[] => placesOf(targets, blocks[number]);
  const total = [...blocks.keys()].reduce((sum, number) => sum + bytesOf(places(number)), 0);
  const files = new NewFiles(plan, folder);
  const sums: (ErrorSums | undefined)[] = [];
  let journal: Journal | undefined;
  try {
    const before = path === undefined ? undefined : await readJournal(path);
    if (before && before.id !== plan.id) throw anotherOne(folder, before.what);
    const kept = await stillThere(before?.written ?? [], files, places, onChecked);
    let bytesKept = 0;
    for (const { number, error } of kept.values()) {
      sums[number] = error;
      bytesKept += bytesOf(places(number));
    }
    await mustHaveRoom(folder, total - bytesKept);
    const { id, what } = plan;
    if (path !== undefined) {
      journal = await Journal.begin(path, { id, what, written: [...kept.values()] });
    }
    await files.begin();
    const missing = [...blocks.keys()].filter((number) => !kept.has(number));
    let done = bytesKept;
    onProgress(done, total);
    for await (const { number, bytes, error } of convertBlocks(blocks, missing, reader, rounding)) {
      const at = places(number);
      for (const [i, place] of at.entries()) await files.write(place, bytes[i]);
      await journal?.add({ number, sha256: sha256(bytes), error });
      sums[number] = error;
      done += bytesOf(at);
      onProgress(done, total);
    }
    await files.sync();
    return { tensors: errorsOf(plan, sums), bytesKept };
  } finally {
    await Promise.all([files.close(), journal?.close()]);
  }
}

function anotherOne(folder: string, what: string): AnotherWork {
  const begun = `holds the beginning of another conversion (${what})`;
  return new AnotherWork(
    dirname(folder),
    `${begun}, or the model has changed since; repeat that command, or remove this folder`,
  );
}

/** The blocks of a journal whose bytes are in the files as it says. */
async function stillThere(
  written: readonly WrittenBlock[],
  files: NewFiles,
  places: (number: number) => readonly Place[],
  onChecked: OnProgress,
): Promise<Map<number, WrittenBlock>> {
  const there = new Map<number, WrittenBlock>();
  const total = written.reduce((sum, { number }) => sum + bytesOf(places(number)), 0);
  let done = 0;
  for (const each of written) {
    const found = await Promise.all(places(each.number).map((place) => files.read(place)));
    if (sha256(found) === each.sha256) there.set(each.number, each);
    done += bytesOf(places(each.number));
    onChecked(done, total);
  }
  return there;
}

const bytesOf = (places: readonly Place[]): number =>
  places.reduce((sum, { length }) => sum + length, 0);

/** Adds up the errors of blocks, always in the same order, so that the sums are the same. */
function errorsOf(
  { blocks, files, targets }: ConversionPlan,
  sums: readonly (ErrorSums | undefined)[],
): TensorError[] {
  const byName = new Map<string, ErrorSums>();
  for (const [number, { conversion }] of blocks.entries()) {
    const sum = sums[number];
    if (sum === undefined) continue;
    const { maxAbs, squares, errors } = byName.get(conversion.name) ?? NOTHING;
    byName.set(conversion.name, {
      maxAbs: Math.max(maxAbs, sum.maxAbs),
      squares: squares + sum.squares,
      errors: errors + sum.errors,
    });
  }
  const order = new Map(files.map(({ name }, i) => [name, i]));
  const placeOf = (name: string): readonly [number, number] => {
    const { file = "", at = 0 } = targets.get(name) ?? {};
    return [order.get(file) ?? 0, at];
  };
  return [...byName]
    .map(([name, { maxAbs, squares, errors }]) => ({
      ...{ name, maxAbs, nmse: squares === 0 ? 0 : errors / squares },
    }))
    .sort((a, b) => {
      const [p, q] = [placeOf(a.name), placeOf(b.name)];
      return p[0] - q[0] || p[1] - q[1];
    });
}

const NOTHING: ErrorSums = { maxAbs: 0, squares: 0, errors: 0 };

/** The files that are filled. */
class NewFiles {
  readonly #plan: ConversionPlan;
  readonly #folder: string;
  readonly #handles = new Map<string, Promise<FileHandle>>();

  constructor(plan: ConversionPlan, folder: string) {
    this.#plan = plan;
    this.#folder = folder;
  }

  /** Gives all files their headers and lengths. */
  async begin(): Promise<void> {
    for (const { name, header } of this.#plan.files) {
      const file = await this.#file(name);
      await this.#explained(name, file.truncate(header.bytes.length + header.dataLength));
      await this.write({ file: name, at: 0, length: header.bytes.length }, header.bytes);
    }
  }

  async write({ file, at }: Place, bytes: Uint8Array): Promise<void> {
    const handle = await this.#file(file);
    for (let done = 0; done < bytes.length; ) {
      const writing = handle.write(bytes, done, bytes.length - done, at + done);
      done += (await this.#explained(file, writing)).bytesWritten;
    }
  }

  /** What stands in a place, or as much of it as there is. */
  async read({ file, at, length }: Place): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const handle = await this.#file(file);
    for (let done = 0; done < length; ) {
      const reading = handle.read(bytes, done, length - done, at + done);
      const { bytesRead } = await this.#explained(file, reading);
      if (bytesRead === 0) return bytes.subarray(0, done);
      done += bytesRead;
    }
    return bytes;
  }

  /** Waits until all bytes are on the disk. */
  async sync(): Promise<void> {
    for (const [name, handle] of this.#handles) {
      await this.#explained(name, (await handle).sync());
    }
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#handles.values());
    await Promise.all(
      opened.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)),
    );
  }

  #file(name: string): Promise<FileHandle> {
    const known = this.#handles.get(name);
    if (known) return known;
    const flags = constants.O_RDWR | constants.O_CREAT;
    const handle = this.#explained(name, open(join(this.#folder, name), flags));
    this.#handles.set(name, handle);
    return handle;
  }

  /** The system's message for a read or a write does not say which file. */
  #explained<T>(name: string, result: Promise<T>): Promise<T> {
    return result.catch((error: Error) => {
      throw new UserError(join(this.#folder, name), error.message, { cause: error });
    });
  }
}
