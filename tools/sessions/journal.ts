/**
 * The journal of a saved session: a file with one record for each commit. This file turns records
 * into bytes and bytes into records.
 *
 * ```
 *   journal:  "glm52 session 1\n" | record | record | …        record: u32 length | u32 CRC-32 | JSON
 * ```
 *
 * Numbers are little-endian. The CRC-32 of a record is computed over its JSON and starts from the
 * CRC-32 of the record before it, so that a record is valid only after that one. Reading stops at
 * the first record that is not valid: it was being written when the process ended.
 *
 * Next: saved-session.ts
 * @module
 */

import { crc32 } from "node:zlib";
import { GlmError } from "../../engine/index.ts";

/** The error when a saved session cannot be used, with the reason. */
export class SavedSessionError extends GlmError {
  override readonly name = "SavedSessionError";
  readonly code = "session";
}

/** Where the bytes of a page stand in the file of pages. */
export interface KeptPage {
  /** The number of its place; places have equal sizes. */
  readonly slot: number;
  /** CRC-32 of the page's bytes. */
  readonly crc: number;
}

/** The whole state of a session between two steps, except for the bytes of its pages. */
export interface SavedState {
  /** Hash of the fingerprint; see fingerprint.ts. */
  readonly fingerprint: string;
  /** The tokens whose rows are in the pages. */
  readonly tokens: readonly number[];
  /** The tokens of the text after those, which were not run yet. */
  readonly pending: readonly number[];
  readonly pages: readonly KeptPage[];
  /** State of the random generator, if numbers were drawn. */
  readonly random?: readonly number[];
  /** Logits after the last of `tokens`, in base64 of little-endian `f32` or `f64`. */
  readonly logits?: { readonly type: "f32" | "f64"; readonly base64: string };
  /** What the program that owns the session adds, for example a conversation. */
  readonly note?: unknown;
}

/**
 * The content of a record: a state, without the tokens and pages at its beginning that the state
 * before it had too. Those are only counted.
 */
export interface Change extends SavedState {
  readonly nTokensKept: number;
  readonly nPagesKept: number;
}

/** The text at the start of a journal. */
const MAGIC = new TextEncoder().encode("glm52 session 1\n");
/** Bytes of a record before its JSON. */
const HEAD_BYTES = 8;

/** The bytes of a journal without records. */
export function emptyJournal(): Uint8Array {
  return MAGIC.slice();
}

/** The bytes of one record, and its CRC-32, from which that of the next record starts. */
export interface Record {
  readonly bytes: Uint8Array;
  readonly crc: number;
}

/** The bytes of a journal with one record, which holds all of `state`. */
export function wholeJournal(state: SavedState): Record {
  const { bytes, crc } = record({ ...state, nTokensKept: 0, nPagesKept: 0 }, 0);
  return { bytes: joined(MAGIC, bytes), crc };
}

/**
 * Encodes one record.
 *
 * @param after CRC-32 of the record before, or 0 for the first one
 */
export function record(change: Change, after: number): Record {
  const body = new TextEncoder().encode(JSON.stringify(change));
  const crc = crc32(body, after);
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  head.setUint32(0, body.length, true);
  head.setUint32(4, crc, true);
  return { bytes: joined(new Uint8Array(head.buffer), body), crc };
}

/** The result of reading a journal. */
export interface Recovered {
  /** The state after the last valid record; undefined when there is none. */
  readonly state: SavedState | undefined;
  readonly nRecords: number;
  /** CRC-32 of the last valid record, or 0 when there is none. */
  readonly crc: number;
  /** Number of bytes after the last valid record, which are ignored. */
  readonly nDropped: number;
}

/**
 * Reads a journal: applies its records in order, up to the first that is not valid.
 *
 * @throws {SavedSessionError} when the bytes are not a journal of this version
 */
export function recover(name: string, bytes: Uint8Array): Recovered {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    const got = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, MAGIC.length)));
    throw new SavedSessionError(name, `expected "glm52 session 1\\n" at its start, got ${got}`);
  }
  let state: SavedState | undefined;
  let at = MAGIC.length;
  let nRecords = 0;
  let crc = 0;
  for (;;) {
    const body = bodyAt(bytes, at);
    const after = body && crc32(body.bytes, crc);
    if (!body || after !== body.crc) return { state, nRecords, crc, nDropped: bytes.length - at };
    crc = after;
    state = applied(state, JSON.parse(new TextDecoder().decode(body.bytes)) as Change);
    at += HEAD_BYTES + body.bytes.length;
    nRecords++;
  }
}

function applied(before: SavedState | undefined, change: Change): SavedState {
  const { nTokensKept, nPagesKept, ...rest } = change;
  return {
    ...rest,
    tokens: [...(before?.tokens.slice(0, nTokensKept) ?? []), ...change.tokens],
    pages: [...(before?.pages.slice(0, nPagesKept) ?? []), ...change.pages],
  };
}

/** The JSON of the record at `at` and its stored CRC-32, or undefined if bytes are missing. */
function bodyAt(bytes: Uint8Array, at: number): Record | undefined {
  if (bytes.length < at + HEAD_BYTES) return undefined;
  const head = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD_BYTES);
  const start = at + HEAD_BYTES;
  const end = start + head.getUint32(0, true);
  if (end === start || bytes.length < end) return undefined;
  return { bytes: bytes.subarray(start, end), crc: head.getUint32(4, true) };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
