/**
 * Opens files of a folder for threads that read, and says what went wrong when they do.
 *
 * Next: stream-files.ts
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { join } from "node:path";
import { WeightsError } from "../../engine/weights/weights-error.ts";
import { mustBeRegular } from "./file-source.ts";
import { readAt } from "./read-at.ts";
import type { ReadFailure, ReadJob } from "./read-batch.ts";
import type { FileToRead } from "./reader-program.ts";
import { type Block, hex } from "./receipt.ts";
import { systemCode } from "./system-code.ts";

/** The flag that goes past the cache of the system. Linux alone has it; elsewhere it is 0. */
export const O_DIRECT: number = constants.O_DIRECT ?? 0;

/** A pipe would wait for ever without O_NONBLOCK. */
const FLAGS: number = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A file that is open here. */
export interface OpenedFile {
  readonly name: string;
  readonly descriptor: number;
  /** Its length in bytes. */
  readonly size: number;
  /** When it was changed last, in whole milliseconds since 1970. */
  readonly modified: number;
  /** How each thread opens it for itself. It must find the same file then. */
  readonly toRead: FileToRead;
}

/**
 * Opens a file. The caller closes the descriptor.
 *
 * @param direct whether threads go past the cache where they can
 * @throws {WeightsError} when there is no such file, or it cannot be opened
 * @throws {UserError} when it is not a regular file
 */
export function openToStream(folder: string, name: string, direct: boolean): OpenedFile {
  if (/[/\\]/.test(name)) throw new WeightsError(name, "expected a name, got a path");
  const path = join(folder, name);
  let descriptor: number;
  try {
    descriptor = openSync(path, FLAGS);
  } catch (cause) {
    const isMissing = systemCode(cause) === "ENOENT";
    throw new WeightsError(name, isMissing ? "no such file" : (cause as Error).message, { cause });
  }
  let found: Stats;
  try {
    found = fstatSync(descriptor);
    mustBeRegular(found, name);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  const { dev, ino, size, mtimeMs } = found;
  const identity = { dev, ino, size };
  return {
    ...{ name, descriptor, size, modified: Math.trunc(mtimeMs) },
    toRead: { path, flags: FLAGS, directFlag: direct ? O_DIRECT : 0, identity },
  };
}

/** SHA-256 of the bytes before the data of an open file, in hexadecimal digits. */
export function headerSha256(descriptor: number, dataAt: number): string {
  const bytes = new Uint8Array(dataAt);
  const header = bytes.subarray(0, readAt(descriptor, 0, bytes));
  return createHash("sha256").update(header).digest("hex");
}

/** How many threads read, and how: `O_DIRECT, 2 readers`. */
export function howRead(readers: number, direct: boolean, isRefused: boolean): string {
  const who = `${readers} ${readers === 1 ? "reader" : "readers"}`;
  if (!direct) return `buffered, ${who}`;
  if (O_DIRECT === 0) return `buffered, because this system has no O_DIRECT, ${who}`;
  if (!isRefused) return `O_DIRECT, ${who}`;
  return `buffered, because the system refuses O_DIRECT here, ${who}`;
}

/** The error of a read that failed. */
export function readError(
  name: string,
  { offset, target }: Pick<ReadJob, "offset" | "target">,
  { text, got }: Omit<ReadFailure, "read">,
): WeightsError {
  if (text !== undefined) {
    return new WeightsError(name, `reading ${target.length} bytes at ${offset}: ${text}`);
  }
  const what = `expected ${target.length} bytes at ${offset}, got ${got}`;
  return new WeightsError(name, `${what}: the file has become shorter, or is not whole`);
}

/** The error of a block that is not what a receipt says. */
export function blockError(
  name: string,
  { tensor, offset, length }: Block,
  expected: number,
  got: number,
): WeightsError {
  const where = `${tensor}, ${length} bytes at ${offset}`;
  const what = `expected checksum ${hex(expected)} by the receipt, got ${hex(got)}`;
  return new WeightsError(name, `${where}: ${what}: the file or the disk has changed`);
}
