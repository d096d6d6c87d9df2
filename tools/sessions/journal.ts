/**
 * The records of a saved session, and the bytes that they are.
 *
 * ```
 *   journal:  "glm52 session 1\n" | record | record | …        record: u32 length | u32 CRC-32 | JSON
 * ```
 *
 * Numbers are little-endian. The checksum is that of the JSON, begun with the checksum of the record
 * before, so that a record counts only after the one it was written for. Reading ends at the first
 * that is not whole: what follows was being written when the process ended.
 *
 * Next: saved-session.ts
 * @module
 */

import { crc32 } from "node:zlib";
import { GlmError } from "../../engine/index.ts";

/** Something a saved session cannot be used for, and why. */
export class SavedSessionError extends GlmError {
  override readonly name = "SavedSessionError";
  readonly code = "session";
}

/** Where the bytes of a page are kept. */
export interface KeptPage {
  readonly slot: number;
  /** CRC-32 of the page's bytes. */
  readonly crc: number;
}

/** Everything that is known of a session between two steps, but the bytes of its pages. */
export interface SavedState {
  /** Hash of what the bytes depend on besides the tokens; see fingerprint.ts. */
  readonly fingerprint: string;
  /** Tokens that the pages hold. */
  readonly tokens: readonly number[];
  /** Tokens of the text after them that were not run yet. */
  readonly pending: readonly number[];
  readonly pages: readonly KeptPage[];
  /** State of the random numbers, if any were drawn. */
  readonly random?: readonly number[];
  /** Logits after the last of `tokens`, in base64 of little-endian `f32` or `f64`. */
  readonly logits?: { readonly type: "f32" | "f64"; readonly base64: string };
  /** What the program that owns the session adds: a conversation. */
  readonly note?: unknown;
}

/** What a record says: a state, less the tokens and pages that the state before it has too. */
export interface Change extends SavedState {
  readonly nTokensKept: number;
  readonly nPagesKept: number;
}

const MAGIC = new TextEncoder().encode("glm52 session 1\n");
const HEAD_BYTES = 8;

/** A journal without records. */
export function emptyJournal(): Uint8Array {
  return MAGIC.slice();
}

/** The bytes of one record, and the checksum that the next one begins with. */
export interface Record {
  readonly bytes: Uint8Array;
  readonly crc: number;
}

/** A journal whose one record is all of `state`. */
export function wholeJournal(state: SavedState): Record {
  const { bytes, crc } = record({ ...state, nTokensKept: 0, nPagesKept: 0 }, 0);
  return { bytes: joined(MAGIC, bytes), crc };
}

/** @param after checksum of the record before, 0 for the first */
export function record(change: Change, after: number): Record {
  const body = new TextEncoder().encode(JSON.stringify(change));
  const crc = crc32(body, after);
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  head.setUint32(0, body.length, true);
  head.setUint32(4, crc, true);
  return { bytes: joined(new Uint8Array(head.buffer), body), crc };
}

/** What a journal comes to. */
export interface Recovered {
  /** Undefined when there is no whole record. */
  readonly state: SavedState | undefined;
  readonly nRecords: number;
  /** Checksum of the last record, 0 without one. */
  readonly crc: number;
  /** Bytes at the end that are no whole record. */
  readonly nDropped: number;
}

/**
 * Applies the records in order, as far as they are whole.
 *
 * @throws {SavedSessionError} when these bytes are no journal of this version
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

/** The JSON of a record and the checksum that it should have, if there are so many bytes. */
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
