/**
 * The journal of a conversion: which blocks are written, in a text file with one line for each. A process can be
 * killed at any moment, so nothing in it is trusted: the last line may be torn, and bytes that a line tells of may
 * never have reached the disk. Who goes on reads them and compares their SHA-256.
 *
 * ```text
 * {"format":"glm52 conversion journal 1","id":"…","what":"--to q4"}
 * [0,"<sha256 of the bytes>",0.01,17.5,0.003] <8 digits of the sha256 of this line before the blank>
 * ```
 *
 * Next: write-blocks.ts
 * @module
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { systemCode } from "../node/system-code.ts";
import { writeText } from "../node/write-whole.ts";
import type { ErrorSums } from "./round-tensor.ts";

/** What the first line says. */
const FORMAT = "glm52 conversion journal 1";

/** Digits of a line's checksum. */
const DIGITS = 8;

/** A block that is written. */
export interface WrittenBlock {
  /** The number of the block in the plan. */
  readonly number: number;
  /** SHA-256 of its bytes, place after place. */
  readonly sha256: string;
  readonly error?: ErrorSums | undefined;
}

/** A journal that was found. */
export interface FoundJournal {
  /** The id of the plan, and a few words about it. */
  readonly id: string;
  readonly what: string;
  readonly written: readonly WrittenBlock[];
}

/** SHA-256 in hexadecimal digits. */
export function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Reads a journal; undefined when there is none, or when it has no first line. */
export async function readJournal(path: string): Promise<FoundJournal | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  });
  const [first, ...lines] = text.split("\n");
  const head = parsed(first) as { format?: unknown; id?: unknown; what?: unknown } | undefined;
  if (head?.format !== FORMAT || typeof head.id !== "string") return undefined;
  return { id: head.id, what: String(head.what), written: lines.flatMap(writtenOf) };
}

/** A journal that grows. */
export class Journal {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Begins a journal with what is known to be written; it replaces one that is there. */
  static async begin(path: string, { id, what, written }: FoundJournal): Promise<Journal> {
    const head = JSON.stringify({ format: FORMAT, id, what });
    await writeText(path, `${head}\n${written.map(lineOf).join("")}`);
    return new Journal(await open(path, "a"));
  }

  /** Adds a block whose bytes are written. */
  async add(written: WrittenBlock): Promise<void> {
    await this.#file.appendFile(lineOf(written));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function lineOf({ number, sha256, error }: WrittenBlock): string {
  const sums = error ? [error.maxAbs, error.squares, error.errors] : [];
  const json = JSON.stringify([number, sha256, ...sums]);
  return `${json} ${checksum(json)}\n`;
}

/** The block that a line tells of; none for a torn line. */
function writtenOf(line: string): WrittenBlock[] {
  const json = line.slice(0, -DIGITS - 1);
  if (line !== `${json} ${checksum(json)}`) return [];
  const [number, sha256, maxAbs, squares, errors] = parsed(json) as [number, string, ...number[]];
  return [{ number, sha256, ...(maxAbs !== undefined && { error: { maxAbs, squares, errors } }) }];
}

function checksum(json: string): string {
  return sha256([new TextEncoder().encode(json)]).slice(0, DIGITS);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
