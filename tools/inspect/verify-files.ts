/**
 * Looks at every byte of a checkpoint once, so that later runs know what the bytes must be.
 * @module
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { coordinates } from "../../engine/base/tensor.ts";
import { firstNotFinite } from "../../engine/weights/finite.ts";
import { STORED_BYTES } from "../../engine/weights/safetensors.ts";
import { WeightsError } from "../../engine/weights/weights-error.ts";
import { blockError } from "../node/open-to-stream.ts";
import {
  type FileReceipt,
  RECEIPT_BLOCK,
  RECEIPT_FILE,
  type Receipt,
  readReceipt,
  receiptText,
  type TensorReceipt,
} from "../node/receipt.ts";
import { UserError } from "../node/user-error.ts";
import { writeText } from "../node/write-whole.ts";
import {
  type HeadedFile,
  type Look,
  type LookOptions,
  looksAt,
  readHeaders,
} from "./look-at-files.ts";

/** Work that is killed loses no more than this. */
const SAVE_EVERY_MS = 30_000;

/** How to look. */
export interface VerifyOptions extends Pick<LookOptions, "threads"> {
  /** Ends the work; what was done is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how many bytes are done, and of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was looked at. */
export interface VerifyReport {
  /** Where the receipt stands. */
  readonly receipt: string;
  readonly files: number;
  readonly tensors: number;
  /** Bytes of all tensors. */
  readonly bytes: number;
  /** Of these, bytes that an earlier run had looked at before it was interrupted. */
  readonly bytesBefore: number;
  readonly seconds: number;
  /** How the files were read. */
  readonly how: string;
}

/**
 * Writes a receipt of all safetensors files in a folder. It goes on where an interrupted run has
 * stopped.
 *
 * @param out where the receipt goes; into the folder if not given
 * @throws {WeightsError} that names the first number that is not finite, or what cannot be read
 */
export async function writeReceipt(
  folder: string,
  options: VerifyOptions & { readonly out?: string | undefined },
): Promise<VerifyReport> {
  const { out: path = join(folder, RECEIPT_FILE) } = options;
  const files = await readHeaders(folder, await safetensorsIn(folder));
  const part = `${path}.part`; // a complete receipt stays until there is another one
  const before = await readReceipt(part);
  const begun = new Map(files.map((file) => [file.name, beginFile(file, before)]));
  let nextSave = performance.now() + SAVE_EVERY_MS;
  const save = async (isComplete: boolean) => {
    const known = [...begun].map(([name, { tensors, ...file }]) => {
      const whole = [...tensors].filter(([, tensor]) => isWhole(tensor));
      return [name, { ...file, tensors: new Map(whole) }] as const;
    });
    await writeText(isComplete ? path : part, receiptText({ isComplete, files: new Map(known) }));
    nextSave = performance.now() + SAVE_EVERY_MS;
  };
  const tensorOf = (file: HeadedFile, name: string) => begun.get(file.name)?.tensors.get(name);
  const isKnown = (file: HeadedFile, name: string) => {
    const tensor = tensorOf(file, name);
    return tensor !== undefined && isWhole(tensor);
  };
  try {
    const report = await lookAtAll(files, { ...options, isKnown }, async (look) => {
      mustBeFinite(look);
      tensorOf(look.file, look.block.tensor)?.checksums.push(look.checksum);
      if (performance.now() > nextSave) await save(false);
    });
    await save(true);
    await rm(part, { force: true });
    return { receipt: path, ...report };
  } catch (error) {
    await save(false);
    throw error;
  }
}

/**
 * Compares all safetensors files in a folder with a receipt.
 *
 * @throws {WeightsError} that names the first file or tensor that differs
 */
export async function compareWithReceipt(
  folder: string,
  path: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const receipt = await readReceipt(path);
  if (!receipt) throw new UserError(path, "no such file");
  if (!receipt.isComplete) throw new UserError(path, "expected a complete receipt, got a part");
  const unknown = (await safetensorsIn(folder)).find((name) => !receipt.files.has(name));
  if (unknown !== undefined) throw new WeightsError(unknown, "the receipt does not name it");
  const files = await readHeaders(folder, [...receipt.files.keys()]);
  for (const { name, size, header } of files) {
    const known = receipt.files.get(name);
    if (known?.size !== size) {
      throw new WeightsError(name, `expected ${known?.size} bytes by the receipt, got ${size}`);
    }
    if (known.header !== header) {
      throw new WeightsError(name, "its header is not that of the receipt");
    }
  }
  const report = await lookAtAll(files, options, async ({ file, block, checksum }) => {
    const known = receipt.files.get(file.name)?.tensors.get(block.tensor);
    const expected = known?.checksums[(block.offset - known.offset) / RECEIPT_BLOCK];
    if (expected === undefined) {
      throw new WeightsError(file.name, `the receipt does not name ${block.tensor}`);
    }
    if (expected !== checksum) throw blockError(file.name, block, expected, checksum);
  });
  return { receipt: path, ...report };
}

async function safetensorsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors")).sort();
  if (names.length === 0) throw new UserError(folder, "expected safetensors files, got none");
  return names;
}

/** A file of a receipt that is being written: its tensors have no checksums yet, or all of them. */
interface BegunFile extends Omit<FileReceipt, "tensors"> {
  readonly tensors: Map<string, TensorReceipt & { readonly checksums: number[] }>;
}

function beginFile(file: HeadedFile, before: Receipt | undefined): BegunFile {
  const { name, size, modified, header, tensors } = file;
  const earlier = before?.files.get(name);
  const isSame =
    earlier?.size === size && earlier.modified === modified && earlier.header === header;
  const begun: BegunFile = { size, modified, header, tensors: new Map() };
  for (const [tensor, { offset, length }] of tensors) {
    const known = isSame ? earlier.tensors.get(tensor) : undefined;
    begun.tensors.set(tensor, { offset, length, checksums: [...(known?.checksums ?? [])] });
  }
  return begun;
}

function isWhole({ length, checksums }: TensorReceipt): boolean {
  return checksums.length === Math.ceil(length / RECEIPT_BLOCK);
}

function mustBeFinite({ file, block, bytes, ...found }: Look): void {
  const entry = file.tensors.get(block.tensor);
  if (found.isFinite || !entry) return;
  const before = (block.offset - entry.offset) / STORED_BYTES[entry.dtype];
  const index = coordinates(before + firstNotFinite(entry.dtype, bytes), entry.shape).join(", ");
  const what = `expected finite numbers, got NaN or infinity at [${index}]`;
  throw new WeightsError(file.name, `${block.tensor}: ${what}`);
}

/** Looks at what is not known, and lets events in between. */
async function lookAtAll(
  files: readonly HeadedFile[],
  { threads, isKnown = () => false, signal, onProgress }: VerifyOptions & LookOptions,
  use: (look: Look) => Promise<void>,
): Promise<Omit<VerifyReport, "receipt">> {
  const start = performance.now();
  const all = files.flatMap((file) =>
    [...file.tensors].map(([name, { length }]) => ({ length, isDone: isKnown(file, name) })),
  );
  const sum = (of: readonly { length: number }[]) => of.reduce((n, { length }) => n + length, 0);
  const bytes = sum(all);
  const bytesBefore = sum(all.filter(({ isDone }) => isDone));
  let done = bytesBefore;
  let how = "";
  const onEnd = (said: string) => {
    how = said;
  };
  for await (const look of looksAt(files, { threads, isKnown, onEnd })) {
    signal?.throwIfAborted();
    await use(look);
    done += look.block.length;
    onProgress?.(done, bytes);
    await setImmediate();
  }
  const seconds = (performance.now() - start) / 1000;
  return { files: files.length, tensors: all.length, bytes, bytesBefore, seconds, how };
}
