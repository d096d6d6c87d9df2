/**
 * Rows of texts in a file, so that a server that is started again need not read them again.
 *
 * ```
 * one line of JSON: format, fingerprint, page_bytes, pages (how many), texts ({tokens, pages}, the newest last)
 * the bytes of each page, one after the other
 * SHA-256 of all of that, in hexadecimal digits
 * ```
 *
 * A page holds the same bits as if it were made anew, or it is not used: the fingerprint says of which model, and
 * in which numbers, the rows are, and the hash that no bit has changed.
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync } from "node:fs";
import type { KeptText } from "../../../engine/index.ts";
import { UserError } from "../../node/user-error.ts";
import { writePieces } from "../../node/write-whole.ts";
import { openRegular, readFully } from "../../sessions/regular-file.ts";

const FORMAT = "glm52-kept 1";
const HASH_LENGTH = 64;
/** Bytes that are read at a time. */
const PIECE = 2 ** 20;
/** Most bytes of the first line. */
const MOST_HEADER = 2 ** 26;

/** What is to be written. */
export interface KeptRows {
  readonly fingerprint: string;
  readonly pageBytes: number;
  readonly texts: readonly KeptText[];
  /** The bytes of a page. */
  readonly bytesOf: (page: number) => Uint8Array;
}

/** Writes a file, whole or not at all. */
export async function writeKept(path: string, rows: KeptRows): Promise<void> {
  const { fingerprint, pageBytes, texts, bytesOf } = rows;
  const pages = [...new Set(texts.flatMap((text) => text.pages))];
  const numbers = new Map(pages.map((page, i) => [page, i]));
  const header = {
    format: FORMAT,
    fingerprint,
    page_bytes: pageBytes,
    pages: pages.length,
    texts: texts.map((text) => ({
      tokens: text.tokens,
      pages: text.pages.map((page) => numbers.get(page)),
    })),
  };
  const hash = createHash("sha256");
  function* pieces(): Generator<Uint8Array> {
    const line = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
    hash.update(line);
    yield line;
    for (const page of pages) {
      const bytes = bytesOf(page);
      hash.update(bytes);
      yield bytes;
    }
    yield new TextEncoder().encode(hash.digest("hex"));
  }
  await writePieces(path, pieces());
}

/** An open file of rows. */
export interface KeptFile {
  /** The texts, the newest last; pages are numbered from 0. */
  readonly texts: readonly KeptText[];
  /** The bytes of a page. */
  bytesOf(page: number): Uint8Array;
  close(): void;
}

/**
 * Opens a file.
 *
 * @returns undefined when there is none
 * @throws {UserError} when it is not whole, or of another model or other numbers
 */
export function openKept(
  path: string,
  { fingerprint, pageBytes }: Pick<KeptRows, "fingerprint" | "pageBytes">,
): KeptFile | undefined {
  if (!existsSync(path)) return undefined;
  const file = openRegular(path, "r");
  try {
    const { texts, start, ...header } = readHeader(file, path);
    if (header.fingerprint !== fingerprint || header.page_bytes !== pageBytes) {
      const what = "expected rows of this model in these numbers, got others";
      throw new UserError(path, `${what}; another name, or removing it, begins a new file`);
    }
    checkWhole(file, path, start + header.pages * pageBytes);
    return {
      texts,
      bytesOf: (page) => {
        const bytes = new Uint8Array(pageBytes);
        readFully(file, start + page * pageBytes, bytes);
        return bytes;
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

interface Header {
  readonly fingerprint: string;
  readonly page_bytes: number;
  readonly pages: number;
  readonly texts: readonly KeptText[];
  /** Where the first page is. */
  readonly start: number;
}

function readHeader(file: number, path: string): Header {
  const bytes = new Uint8Array(Math.min(MOST_HEADER, fstatSync(file).size));
  readFully(file, 0, bytes);
  const end = bytes.indexOf(10);
  try {
    if (end < 0) throw new SyntaxError("no line");
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    if (header.format !== FORMAT) throw new SyntaxError("another format");
    return { ...header, start: end + 1 };
  } catch {
    throw new UserError(path, `expected a file of kept rows (${FORMAT}), got another one`);
  }
}

/** @throws {UserError} when the file is not what was written */
function checkWhole(file: number, path: string, end: number): void {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE);
  for (let at = 0; at < end; at += PIECE) {
    const n = readFully(file, at, piece.subarray(0, Math.min(PIECE, end - at)));
    hash.update(piece.subarray(0, n));
  }
  const told = new Uint8Array(HASH_LENGTH + 1);
  const nTold = readFully(file, end, told);
  if (new TextDecoder().decode(told.subarray(0, nTold)) === hash.digest("hex")) return;
  throw new UserError(path, "expected what was written, got a file that has changed; remove it");
}

/** The newest texts whose pages fit, in their order. */
export function textsThatFit(texts: readonly KeptText[], maxPages: number): readonly KeptText[] {
  const pages = new Set<number>();
  for (let i = texts.length - 1; i >= 0; i--) {
    for (const page of texts[i].pages) pages.add(page);
    if (pages.size > maxPages) return texts.slice(i + 1);
  }
  return texts;
}
