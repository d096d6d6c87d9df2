/**
 * Reads a journal: applies its records in order, and says what its end is like.
 *
 * A commit that is interrupted leaves a piece of its record at the end of the file. Nothing that was
 * synced is lost then, so the session goes on from the record before. A record that is damaged
 * otherwise is another thing: it was synced, and so were those after it. Such a journal is refused,
 * until a person decides to give these records up.
 *
 * Next: saved-session.ts
 * @module
 */
import { Frames, type JournalSource } from "./frames.ts";
import { type Counts, countsIn, countsOf, endMark, MAGIC_BYTES, MARK_BYTES } from "./journal.ts";
import { notePartsOf } from "./note-change.ts";
import { GrowingState, type SavedState } from "./record.ts";
import { SavedSessionError } from "./session-error.ts";
import type { SessionFile } from "./session-file.ts";

/** What follows the last record that is whole. */
export type Rest =
  | { readonly kind: "nothing" }
  /** A commit that was interrupted, or the place where the file was cut. */
  | { readonly kind: "torn"; readonly nBytes: number }
  /** A record that was whole once. */
  | {
      readonly kind: "damaged";
      readonly nBytes: number;
      /** Whole records after it, and the most ids that one of them leaves in the text. */
      readonly nRecordsAfter: number;
      readonly nIdsAfter: number;
      readonly why: string;
    };

/** The result of reading a journal. */
export interface Recovered {
  /** The state after the last whole record. */
  readonly state: GrowingState;
  readonly isOld: boolean;
  /** What the session was made with, in a journal of today. */
  readonly about: SessionFile | undefined;
  /** Hash of what the session was made with, in a journal of version 0.1 that has records. */
  readonly fingerprint: string | undefined;
  readonly nRecords: number;
  /** CRC-32 of the last whole record, or 0 when there is none. */
  readonly crc: number;
  /** Where the last whole record ends. */
  readonly end: number;
  readonly rest: Rest;
}

/**
 * Reads a journal.
 *
 * @throws {SavedSessionError} when it is another file, or when a record with the right checksum says
 *   what no record can say
 */
export function recover(source: JournalSource): Recovered {
  const frames = new Frames(source);
  const state = new GrowingState();
  let about: SessionFile | undefined;
  let fingerprint: string | undefined;
  let [nRecords, crc, end] = [0, 0, MAGIC_BYTES];
  for (;;) {
    const isEnd = !frames.isOld && nRecords > 0 && isMark(frames, end, crc, state, nRecords);
    const frame = isEnd || end === frames.size ? undefined : frames.frameAt(end, crc);
    if (frame?.kind !== "whole") {
      const rest = restOf(frames, end, nRecords, isEnd);
      mustBeWritable(source.name, state);
      return { state, isOld: frames.isOld, about, fingerprint, nRecords, crc, end, rest };
    }
    try {
      const { change, old } = frames.decoded(frame.json);
      state.apply(change);
      about ??= change.about;
      fingerprint = old?.fingerprint;
      if (!frames.isOld && !about) throw new RangeError("about: expected it in the first record");
    } catch (error) {
      const { message } = error as Error;
      const where = `${source.name}: record ${nRecords}`;
      throw new SavedSessionError(where, `its checksum is right, but not its content: ${message}`);
    }
    nRecords++;
    crc = frame.crc;
    end = frame.end;
  }
}

/**
 * The counts of a journal, of which only some bytes are read: the end mark, or in a journal of
 * version 0.1 the heads of its records and the last one.
 *
 * @returns undefined when its end is not whole
 */
export function glance(source: JournalSource): Counts | undefined {
  const frames = new Frames(source);
  if (!frames.isOld) {
    const mark = frames.size - MARK_BYTES;
    return mark < MAGIC_BYTES ? undefined : countsIn(frames.bytes(mark, MARK_BYTES));
  }
  let [nRecords, last, at] = [0, 0, MAGIC_BYTES];
  while (at < frames.size) {
    const length = frames.lengthAt(at);
    if (length === undefined) return undefined;
    [nRecords, last, at] = [nRecords + 1, at, at + frames.headBytes + length];
  }
  if (at !== frames.size) return undefined;
  if (nRecords === 0) return { nRecords, nIds: 0, nPending: 0, nPages: 0 };
  try {
    const start = last + frames.headBytes;
    const { change, old } = frames.decoded(frames.bytes(start, at - start));
    const nIds = change.text[0] + change.text[1].length;
    const nPages = change.pages[0] + change.pages[1].length;
    return { nRecords, nIds, nPending: old?.nPending ?? 0, nPages };
  } catch {
    return undefined;
  }
}

/** @throws {SavedSessionError} for a note that can be read and not be written again */
function mustBeWritable(name: string, { note }: SavedState): void {
  try {
    notePartsOf(note);
  } catch (cause) {
    throw new SavedSessionError(name, "its note is nested too deep", { cause });
  }
}

/** @throws {SavedSessionError} when a record of the journal is damaged */
export function mustBeWhole(name: string, { rest, nRecords, state }: Recovered): void {
  if (rest.kind !== "damaged") return;
  const { why, nRecordsAfter, nIdsAfter } = rest;
  const after =
    nRecordsAfter > 0
      ? `, and ${nRecordsAfter} whole records follow it, with up to ${nIdsAfter} tokens`
      : ", and no whole record follows it";
  const way = `nothing was changed; \`glm52 session verify --repair\` keeps the ${nRecords} records before it, with ${state.text.length} tokens, and gives up the others`;
  throw new SavedSessionError(`${name}: journal`, `${why}${after}; ${way}`);
}

/** What a torn end means, for a person. */
export function tornText({ nBytes }: Rest & { kind: "torn" }): string {
  return `its journal has no mark at its end, and its last ${nBytes} bytes are no whole record: a commit was interrupted, or the file was cut`;
}

/** Whether the end mark that belongs to `state` stands at `at`. */
function isMark(
  frames: Frames,
  at: number,
  crc: number,
  state: SavedState,
  nRecords: number,
): boolean {
  const mark = endMark(crc, countsOf(state, nRecords));
  const found = frames.bytes(at, MARK_BYTES);
  return found.length === MARK_BYTES && mark.every((byte, i) => found[i] === byte);
}

/** Tells an interrupted commit from damage, by the bytes from `at` on. */
function restOf(frames: Frames, at: number, nRecords: number, isMarked: boolean): Rest {
  const nBytes = frames.size - at;
  if (nBytes === (isMarked ? MARK_BYTES : 0) && (isMarked || frames.isOld)) {
    return { kind: "nothing" };
  }
  // The mark is written over by the next record, so behind it there is none that was complete.
  if (isMarked) return { kind: "torn", nBytes: nBytes - MARK_BYTES };
  const frame = frames.frameAt(at, 0);
  const after = frames.recordsAfter(at + 1);
  const isFirst = nRecords === 0; // a journal is put in its place together with its first record
  const isTooShort = frame.kind === "short" || (!frames.isOld && nBytes <= MARK_BYTES);
  if (!isFirst && after.nRecords === 0 && (isTooShort || endsInZeros(frames))) {
    return { kind: "torn", nBytes };
  }
  const { nRecords: nRecordsAfter, nIds: nIdsAfter } = after;
  const why = `record ${nRecords}, at byte ${at}, is damaged`;
  return { kind: "damaged", nBytes, nRecordsAfter, nIdsAfter, why };
}

/** After a loss of power, bytes that were not written yet may be there as zeros. */
function endsInZeros(frames: Frames): boolean {
  return frames.bytes(frames.size - MARK_BYTES, MARK_BYTES).every((byte) => byte === 0);
}
