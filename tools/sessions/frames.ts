/**
 * Reads the frames of a journal: where a record stands, and whether its bytes are those that were
 * written. Only a window of the file is in memory, or one record, if that is larger.
 *
 * Next: journal-reader.ts
 * @module
 */
import { crc32 } from "node:zlib";
import { HEAD_BYTES, MAGIC, MAGIC_BYTES, MAX_JSON } from "./journal.ts";
import { type OldRecord, oldRecord } from "./old-record.ts";
import { type Change, checkedChange } from "./record.ts";
import { SavedSessionError } from "./session-error.ts";

/** A file that is read by position. */
export interface JournalSource {
  /** Its name in messages. */
  readonly name: string;
  /** Bytes of the file. */
  journalBytes(): number;
  /** Reads into `target`; returns how many bytes there were. */
  readJournal(offset: number, target: Uint8Array): number;
}

/** Bytes that are read at a time. */
const WINDOW = 2 ** 18;
/** Bytes that are searched at a time. */
const SEARCH = 2 ** 12;
/** Bytes of a head of version 0.1, which has no checksum of the length. */
const OLD_HEAD_BYTES = 8;

/** What stands at one place of a journal. */
export type Frame =
  | {
      readonly kind: "whole";
      readonly json: Uint8Array;
      readonly crc: number;
      readonly end: number;
    }
  /** The file ends within it. */
  | { readonly kind: "short" }
  /** It is all there, and its checksum or its length is wrong. */
  | { readonly kind: "bad"; readonly end: number | undefined };

/** A journal as bytes that are read window by window. */
export class Frames {
  readonly name: string;
  readonly size: number;
  readonly isOld: boolean;
  readonly #source: JournalSource;
  #window: Uint8Array<ArrayBuffer> = new Uint8Array();
  #from = 0;

  /** @throws {SavedSessionError} when the file does not begin as a journal does */
  constructor(source: JournalSource) {
    this.#source = source;
    this.name = source.name;
    this.size = source.journalBytes();
    const start = new TextDecoder().decode(this.bytes(0, MAGIC_BYTES));
    this.isOld = start === MAGIC.old;
    if (this.isOld || start === MAGIC.now) return;
    const expected = `${JSON.stringify(MAGIC.now)} at its start`;
    throw new SavedSessionError(this.name, `expected ${expected}, got ${JSON.stringify(start)}`);
  }

  /** Bytes of a head in this journal. */
  get headBytes(): number {
    return this.isOld ? OLD_HEAD_BYTES : HEAD_BYTES;
  }

  /** Up to `length` bytes from `at` on, fewer at the end of the file. */
  bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    const start = at - this.#from;
    if (start < 0 || start + length > this.#window.length) {
      const most = Math.max(0, Math.min(Math.max(length, WINDOW), this.size - at));
      const window = new Uint8Array(most);
      this.#window = window.subarray(0, this.#source.readJournal(at, window));
      this.#from = at;
    }
    return this.#window.subarray(at - this.#from, at - this.#from + length);
  }

  /** The length that the head at `at` tells; undefined when it cannot be true. */
  lengthAt(at: number): number | undefined {
    const head = this.bytes(at, this.headBytes);
    if (head.length < this.headBytes) return undefined;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const length = view.getUint32(0, true);
    if (length === 0 || length > MAX_JSON) return undefined;
    const isTrue = this.isOld || view.getUint32(4, true) === crc32(head.subarray(0, 4));
    return isTrue ? length : undefined;
  }

  /** The record at `at`, which follows one whose checksum is `after`. */
  frameAt(at: number, after: number): Frame {
    if (this.size - at < this.headBytes) return { kind: "short" };
    const length = this.lengthAt(at);
    if (length === undefined) return { kind: "bad", end: undefined };
    const end = at + this.headBytes + length;
    if (end > this.size) return { kind: "short" };
    const bytes = this.bytes(at, this.headBytes + length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, this.headBytes);
    const json = bytes.subarray(this.headBytes);
    const crc = crc32(json, after);
    const isWhole = crc === view.getUint32(this.headBytes - 4, true);
    return isWhole ? { kind: "whole", json, crc, end } : { kind: "bad", end };
  }

  /**
   * The content of a record.
   *
   * @throws {RangeError | SyntaxError | SavedSessionError} when it is none
   */
  decoded(json: Uint8Array): { readonly change: Change; readonly old?: OldRecord } {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (!this.isOld) return { change: checkedChange(value) };
    const old = oldRecord(value);
    return { change: old.change, old };
  }

  /**
   * Looks for whole records from `at` on, whatever stands before them. Their checksums cannot be
   * compared, as the record before them is not known; but what is no record is no valid JSON either.
   *
   * @returns how many there are, and the most ids that one of them leaves in the text
   */
  recordsAfter(at: number): { readonly nRecords: number; readonly nIds: number } {
    let [nRecords, nIds] = [0, 0];
    for (let from = at; from < this.size; ) {
      const start = this.#nextJson(from + this.headBytes);
      if (start === undefined) break;
      const length = this.lengthAt(start - this.headBytes) ?? 0;
      const change = length > 0 ? this.#changeIn(start, length) : undefined;
      from = change ? start + length : start - this.headBytes + 1;
      if (!change) continue;
      nRecords++;
      nIds = Math.max(nIds, change.text[0] + change.text[1].length);
    }
    return { nRecords, nIds };
  }

  /** Where the next `{"` stands, from `at` on. */
  #nextJson(at: number): number | undefined {
    for (let from = at; from < this.size; from += SEARCH) {
      const { buffer, byteOffset, length } = this.bytes(from, SEARCH + 1);
      const found = Buffer.from(buffer, byteOffset, length).indexOf('{"');
      if (found >= 0) return from + found;
    }
    return undefined;
  }

  #changeIn(start: number, length: number): Change | undefined {
    const isInside = start + length <= this.size;
    if (!isInside || this.bytes(start + length - 1, 1)[0] !== "}".charCodeAt(0)) return undefined;
    try {
      return this.decoded(this.bytes(start, length)).change;
    } catch {
      return undefined;
    }
  }
}
