/**
 * The journal of a saved session: a file with one record for each commit, and an end mark. This file
 * turns records into bytes; journal-reader.ts turns bytes into records.
 *
 * ```
 *   journal    "glm52 session 2\n" │ record │ record │ … │ end mark
 *   record     u32 length of the JSON │ u32 CRC-32 of these four bytes │ u32 CRC-32 of the JSON │ JSON
 *   end mark   u32 0 │ u32 CRC-32 of the last JSON │ u32 records, ids, ids not run, pages │ u32 CRC-32
 * ```
 *
 * Numbers are little-endian. The CRC-32 of a JSON starts from that of the JSON before it, so that a
 * record is valid only after that one. A commit writes its record over the end mark, and a new mark
 * after it, so a journal that was cut anywhere has no mark at its end. The counts in the mark let
 * `glm52 session list` describe a session without reading the rest.
 *
 * Next: journal-reader.ts
 * @module
 */
import { crc32 } from "node:zlib";
import { type Change, type SavedState, wholeChange } from "./record.ts";
import type { SessionFile } from "./session-file.ts";

/** The texts at the start of a journal, of today and of version 0.1. */
export const MAGIC = { now: "glm52 session 2\n", old: "glm52 session 1\n" } as const;
/** Bytes of that text. */
export const MAGIC_BYTES = 16;
/** Bytes of a record before its JSON. */
export const HEAD_BYTES = 12;
/** Bytes of an end mark. */
export const MARK_BYTES = 28;
/** The longest JSON that is read or written; longer texts do not fit into a string. */
export const MAX_JSON = 2 ** 29 - 2 ** 16;

/** What the end mark counts. */
export interface Counts {
  readonly nRecords: number;
  readonly nIds: number;
  readonly nPending: number;
  readonly nPages: number;
}

/** Bytes for the end of a journal, and what the next record follows. */
export interface Written {
  readonly bytes: Uint8Array;
  /** How many of the bytes stand before the end mark. */
  readonly nBeforeMark: number;
  /** CRC-32 of the JSON. */
  readonly crc: number;
}

/** The numbers of a state that the end mark repeats. */
export function countsOf({ text, nRun, pages }: SavedState, nRecords: number): Counts {
  return { nRecords, nIds: text.length, nPending: text.length - nRun, nPages: pages.length };
}

/** The bytes of a journal with one record, which holds all of `state`. */
export function wholeJournal(state: SavedState, about: SessionFile): Written {
  const written = record(wholeChange(state, about), 0, countsOf(state, 1));
  const bytes = joined(new TextEncoder().encode(MAGIC.now), written.bytes);
  return { ...written, bytes, nBeforeMark: MAGIC_BYTES + written.nBeforeMark };
}

/**
 * The bytes of a record and of the end mark after it.
 *
 * @param after CRC-32 of the record before, or 0 for the first one
 * @param counts what the journal holds after this record
 */
export function record(change: Change, after: number, counts: Counts): Written {
  const body = new TextEncoder().encode(JSON.stringify(change));
  const crc = crc32(body, after);
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  head.setUint32(0, body.length, true);
  head.setUint32(4, crc32(new Uint8Array(head.buffer, 0, 4)), true);
  head.setUint32(8, crc, true);
  const bytes = joined(new Uint8Array(head.buffer), body, endMark(crc, counts));
  return { bytes, nBeforeMark: HEAD_BYTES + body.length, crc };
}

/** The bytes of an end mark. */
export function endMark(crc: number, { nRecords, nIds, nPending, nPages }: Counts): Uint8Array {
  const mark = new DataView(new ArrayBuffer(MARK_BYTES));
  [0, crc, nRecords, nIds, nPending, nPages].forEach((value, i) => {
    mark.setUint32(4 * i, value, true);
  });
  mark.setUint32(24, crc32(new Uint8Array(mark.buffer, 0, 24)), true);
  return new Uint8Array(mark.buffer);
}

/** The counts of an end mark; undefined when `bytes` are none. */
export function countsIn(bytes: Uint8Array): Counts | undefined {
  if (bytes.length !== MARK_BYTES) return undefined;
  const mark = new DataView(bytes.buffer, bytes.byteOffset, MARK_BYTES);
  const [zero, , nRecords, nIds, nPending, nPages, sum] = Array.from({ length: 7 }, (_, i) =>
    mark.getUint32(4 * i, true),
  );
  if (zero !== 0 || sum !== crc32(bytes.subarray(0, 24))) return undefined;
  return { nRecords, nIds, nPending, nPages };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
