/**
 * What is known of the files of a checkpoint since all their bytes were looked at: a file that
 * `glm52 verify-files` writes. All numbers of the tensors that it names are finite.
 *
 * A checksum finds a bit that a disk or a cable has flipped. It is no proof against somebody who
 * means to change a file.
 *
 * Next: stream-files.ts
 * @module
 */
import { readFile } from "node:fs/promises";
import { parseJson } from "../../engine/weights/json.ts";
import { systemCode } from "./system-code.ts";
import { UserError } from "./user-error.ts";

/** The name of a receipt beside the files that it is about. */
export const RECEIPT_FILE = "glm52-receipt.json";

/** Bytes of a block, which has a checksum of its own; the last one of a tensor may be shorter. */
export const RECEIPT_BLOCK: number = 2 ** 24;

/** What the first field of a receipt says. */
const FORMAT = "glm52 receipt 1";

/** Hexadecimal digits of a checksum. */
const DIGITS = 8;

/** A receipt. */
export interface Receipt {
  /** Whether all bytes of all files were looked at, or the work was interrupted. */
  readonly isComplete: boolean;
  /** The files, by their names. */
  readonly files: ReadonlyMap<string, FileReceipt>;
}

/** One file of a receipt. */
export interface FileReceipt {
  /** Its length in bytes. */
  readonly size: number;
  /** When it was changed last, in whole milliseconds since 1970. */
  readonly modified: number;
  /** SHA-256 of the bytes before the data, in hexadecimal digits. */
  readonly header: string;
  /** Its tensors in the order of their places. */
  readonly tensors: ReadonlyMap<string, TensorReceipt>;
}

/** One tensor of a receipt. */
export interface TensorReceipt {
  /** Its first byte in the file. */
  readonly offset: number;
  /** Its number of bytes. */
  readonly length: number;
  /** xxHash32 of each block of 16 MiB; the last block may be shorter. */
  readonly checksums: readonly number[];
}

/** A part of a tensor that has a checksum of its own. */
export interface Block {
  readonly tensor: string;
  /** Its first byte in the file. */
  readonly offset: number;
  readonly length: number;
}

/** A block whose checksum is known. */
export interface KnownBlock extends Block {
  readonly checksum: number;
}

/** The blocks of a tensor in the order of their places. */
export function blocksOf(
  tensor: string,
  { offset, length }: Pick<TensorReceipt, "offset" | "length">,
): Block[] {
  return Array.from({ length: Math.ceil(length / RECEIPT_BLOCK) }, (_, i) => ({
    tensor,
    offset: offset + i * RECEIPT_BLOCK,
    length: Math.min(RECEIPT_BLOCK, length - i * RECEIPT_BLOCK),
  }));
}

/** All blocks of a file in the order of their places. */
export function knownBlocks({ tensors }: FileReceipt): KnownBlock[] {
  return [...tensors].flatMap(([name, tensor]) =>
    blocksOf(name, tensor).map((block, i) => ({ ...block, checksum: tensor.checksums[i] })),
  );
}

/** The blocks that lie wholly in `offset … offset + length − 1`, of blocks in order. */
export function blocksWithin(
  blocks: readonly KnownBlock[],
  offset: number,
  length: number,
): readonly KnownBlock[] {
  let [first, end] = [0, blocks.length];
  while (first < end) {
    const middle = (first + end) >> 1;
    if (blocks[middle].offset < offset) first = middle + 1;
    else end = middle;
  }
  while (end < blocks.length && blocks[end].offset + blocks[end].length <= offset + length) end++;
  return blocks.slice(first, end);
}

/** A checksum in hexadecimal digits. */
export function hex(checksum: number): string {
  return checksum.toString(16).padStart(DIGITS, "0");
}

/** A receipt as text: one line for each tensor, with its place, its length and its checksums. */
export function receiptText({ isComplete, files }: Receipt): string {
  const entries = [...files].map(([name, { tensors, ...file }]) => {
    const known = [...tensors].map(([tensor, { offset, length, checksums }]) => {
      const place = JSON.stringify([offset, length, checksums.map(hex).join("")]);
      return `\n${JSON.stringify(tensor)}: ${place}`;
    });
    const fields = JSON.stringify(file).slice(0, -1);
    return `\n${JSON.stringify(name)}: ${fields}, "tensors": {${known.join(",")}}}`;
  });
  const head = `"format": ${JSON.stringify(FORMAT)}, "isComplete": ${isComplete}`;
  return `{${head}, "files": {${entries.join(",")}}}\n`;
}

/**
 * Reads a receipt; undefined when there is no such file.
 *
 * @throws {WeightsError} when it is not JSON
 * @throws {UserError} when it is something else than a receipt
 */
export async function readReceipt(path: string): Promise<Receipt | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const { format, isComplete, files } = fieldsOf(path, parseJson(path, bytes, "any"));
  if (format !== FORMAT || typeof isComplete !== "boolean") {
    throw new UserError(path, `expected a receipt of the format "${FORMAT}", got something else`);
  }
  const entries = Object.entries(fieldsOf(path, files));
  return {
    isComplete,
    files: new Map(
      entries.map(([name, file]) => [name, readFileReceipt(`${path}: ${name}`, file)]),
    ),
  };
}

function readFileReceipt(where: string, json: unknown): FileReceipt {
  const { size, modified, header, tensors } = fieldsOf(where, json);
  if (!isSize(size) || !isSize(modified) || typeof header !== "string") {
    throw new UserError(where, "expected size, modified and header of a file, got something else");
  }
  const entries = Object.entries(fieldsOf(where, tensors))
    .map(([name, tensor]) => [name, readTensorReceipt(`${where}: ${name}`, tensor)] as const)
    .sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = 0;
  for (const [name, { offset, length }] of entries) {
    if (offset < end || offset + length > size) {
      throw new UserError(where, `${name} overlaps the tensor before it, or leaves the file`);
    }
    end = offset + length;
  }
  return { size, modified, header, tensors: new Map(entries) };
}

function readTensorReceipt(where: string, json: unknown): TensorReceipt {
  const [offset, length, digits] = Array.isArray(json) ? (json as unknown[]) : [];
  if (!isSize(offset) || !isSize(length) || typeof digits !== "string") {
    throw new UserError(where, "expected place, length and checksums, got something else");
  }
  const n = Math.ceil(length / RECEIPT_BLOCK);
  if (digits.length !== DIGITS * n || !/^[0-9a-f]*$/.test(digits)) {
    throw new UserError(where, `expected ${n} checksums, got ${digits.slice(0, 40)}`);
  }
  const checksums = Array.from({ length: n }, (_, i) =>
    Number.parseInt(digits.slice(DIGITS * i, DIGITS * (i + 1)), 16),
  );
  return { offset, length, checksums };
}

function fieldsOf(where: string, json: unknown): Record<string, unknown> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new UserError(where, "expected an object, got something else");
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
