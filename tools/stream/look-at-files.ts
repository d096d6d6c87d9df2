/**
 * Looks at all bytes of the tensors of some safetensors files, with several threads.
 *
 * Next: verify-files.ts
 * @module
 */
import { closeSync } from "node:fs";
import { exponentMask } from "../../engine/numbers/all-finite.ts";
import { READ_BLOCK } from "../../engine/stream/read-store.ts";
import { readHeader, type TensorEntry } from "../../engine/weights/safetensors.ts";
import { headerSha256, howRead, openToStream, readError } from "../node/open-to-stream.ts";
import { readAt } from "../node/read-at.ts";
import type { PartResult, ReadJob } from "../node/read-batch.ts";
import type { FileToRead } from "../node/reader-program.ts";
import { type BatchUnderWay, Readers } from "../node/readers.ts";
import { type Block, blocksOf, RECEIPT_BLOCK } from "../node/receipt.ts";
import { sharedPages } from "../node/shared-pages.ts";

/** More threads than this do not read faster. */
const MOST_READERS = 8;

/** Bytes of memory for one read: a block, and what stands beside it in its first and last sector. */
const SLOT = RECEIPT_BLOCK + 2 * READ_BLOCK;

/** A safetensors file of which the header was read. */
export interface HeadedFile {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
  /** SHA-256 of the bytes before the data, in hexadecimal digits. */
  readonly header: string;
  /** Its tensors in the order of their places. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly toRead: FileToRead;
}

/** A block whose bytes were looked at. */
export interface Look extends PartResult {
  readonly file: HeadedFile;
  readonly block: Block;
  /** Its bytes, until the next look. */
  readonly bytes: Uint8Array;
}

/** The headers of files in a folder. */
export async function readHeaders(folder: string, names: readonly string[]): Promise<HeadedFile[]> {
  const files: HeadedFile[] = [];
  for (const name of names) {
    const { descriptor, size, modified, toRead } = openToStream(folder, name, true);
    const read = async (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readAt(descriptor, offset, bytes));
    };
    try {
      const { tensors } = await readHeader({ name, size, read });
      const inOrder = [...tensors].sort(
        ([, a], [, b]) => a.offset - b.offset || a.length - b.length,
      );
      const dataAt = Math.min(size, ...inOrder.slice(0, 1).map(([, { offset }]) => offset));
      const header = headerSha256(descriptor, dataAt);
      files.push({ name, size, modified, header, toRead, tensors: new Map(inOrder) });
    } finally {
      closeSync(descriptor);
    }
  }
  return files;
}

/** Neighbouring blocks that are read at once. */
interface Run {
  readonly file: HeadedFile;
  /** Its number for the readers. */
  readonly number: number;
  readonly blocks: Block[];
}

/** What looks cost. */
export interface LookOptions {
  /** Number of threads. */
  readonly threads: number;
  /** Whether the blocks of a tensor are left out. */
  readonly isKnown?: (file: HeadedFile, tensor: string) => boolean;
  /** Is told how files are read, at the end. */
  readonly onEnd?: (how: string) => void;
}

/**
 * Looks at the blocks of all tensors, in the order of the files and of the places in them.
 *
 * @throws {WeightsError} when something cannot be read
 */
export async function* looksAt(
  files: readonly HeadedFile[],
  { threads, isKnown = () => false, onEnd }: LookOptions,
): AsyncGenerator<Look> {
  const count = Math.min(threads, MOST_READERS);
  const readers = await Readers.start(count);
  const depth = 2 * count;
  const memory = sharedPages(depth * SLOT);
  const underWay: { run: Run; job: ReadJob; batch: BatchUnderWay }[] = [];
  try {
    let n = 0;
    for (const run of runsOf(files, (file) => readers.addFile(file.toRead), isKnown)) {
      if (underWay.length === depth) yield* finishFirst();
      const job = jobOf(run, memory, (n++ % depth) * SLOT);
      underWay.push({ run, job, batch: readers.begin([job]) });
    }
    while (underWay.length > 0) yield* finishFirst();
    onEnd?.(howRead(count, true, readers.isRefused));
  } finally {
    for (const { batch } of underWay) batch.cancel();
    await readers.close();
  }

  function* finishFirst(): Generator<Look> {
    const { run, job, batch } = underWay[0];
    const { file, blocks } = run;
    const failure = batch.wait();
    if (failure) throw readError(file.name, job, failure);
    for (const [i, found] of batch.results().entries()) {
      const at = blocks[i].offset - job.offset;
      const bytes = job.target.subarray(at, at + blocks[i].length);
      yield { ...found, file, block: blocks[i], bytes };
    }
    underWay.shift();
  }
}

/** Collects neighbouring blocks, as many as one read may have bytes. */
function* runsOf(
  files: readonly HeadedFile[],
  numberOf: (file: HeadedFile) => number,
  isKnown: (file: HeadedFile, tensor: string) => boolean,
): Generator<Run> {
  for (const file of files) {
    const number = numberOf(file);
    let blocks: Block[] = [];
    for (const [tensor, entry] of file.tensors) {
      if (isKnown(file, tensor)) continue;
      for (const block of blocksOf(tensor, entry)) {
        if (blocks.length > 0 && block.offset + block.length > blocks[0].offset + RECEIPT_BLOCK) {
          yield { file, number, blocks };
          blocks = [];
        }
        blocks.push(block);
      }
    }
    if (blocks.length > 0) yield { file, number, blocks };
  }
}

/** The read of a run into the memory at `address`. */
function jobOf({ file, number, blocks }: Run, memory: SharedArrayBuffer, address: number): ReadJob {
  const { offset } = blocks[0];
  const last = blocks[blocks.length - 1];
  const at = address + (offset % READ_BLOCK);
  return {
    ...{ file: number, offset },
    target: new Uint8Array(memory, at, last.offset + last.length - offset),
    checks: blocks.map((block) => ({
      ...{ at: block.offset - offset, length: block.length },
      exponents: exponentMask(file.tensors.get(block.tensor)?.dtype ?? "U8"),
    })),
  };
}
