/**
 * A session on disk that survives the end of its process. Whenever the process is killed, a new
 * process finds the last commit that was complete.
 *
 * ```
 *   commit:  pages that changed → free places │ sync │ record → journal │ sync │ old places are free
 * ```
 *
 * The file of pages is divided into places of equal size. A commit writes pages only into places
 * that the last record does not use. So until the new record is complete, the last record and its
 * pages are still valid, and nothing has to be undone. The last page of a session, which is not
 * full yet, is written to another place by each commit.
 *
 * Next: session-folder.ts
 * @module
 */
import { crc32 } from "node:zlib";
import type { Floats, Session } from "../../engine/index.ts";
import { fingerprintHash } from "./fingerprint.ts";
import { countsOf, record, wholeJournal } from "./journal.ts";
import { mustBeWhole, type Recovered, type Rest, recover } from "./journal-reader.ts";
import { decodeLogits, encodeLogits, type LogitsOf } from "./logits.ts";
import { type NoteParts, noteChange, noteLength, notePartsOf } from "./note-change.ts";
import { freeSlots, slotBytes } from "./places.ts";
import { type Change, GrowingState, type KeptPage, type SavedState } from "./record.ts";
import type { SessionDisk } from "./session-disk.ts";
import { SavedSessionError } from "./session-error.ts";
import { mustMatch, type SessionFile } from "./session-file.ts";

/** A journal is written anew when it has this many bytes more than twice what its state takes. */
const SLACK = 2 ** 22;
/** About the bytes of an id and of a page in a record. */
const [ID_BYTES, PAGE_BYTES] = [7, 20];

/** What a commit saves besides the tokens and pages of a session. */
export interface CommitExtras {
  /** Tokens of the text that the session has not run yet. */
  readonly pending: readonly number[];
  readonly random?: readonly number[] | undefined;
  /** Logits after the session's last token. */
  readonly logits?: Floats | undefined;
  readonly note?: unknown;
}

/** The parts of a session that saving and restoring need. */
export interface Keepable extends Pick<Session, "tokens" | "pool" | "pageBytes" | "restore"> {
  readonly model: LogitsOf;
}

/** A page whose bytes are not those that were committed. */
export interface Damage {
  readonly page: number;
  readonly message: string;
}

/** One session on disk; see the top of this file. */
export class SavedSession {
  /** What the session was made with. */
  readonly about: SessionFile;
  /** What followed the last whole record when the session was opened. */
  readonly rest: Rest;
  /** Whether the journal was written by version 0.1. */
  readonly isOld: boolean;
  readonly #disk: SessionDisk;
  #state: GrowingState;
  #noteParts: NoteParts;
  #nRecords: number;
  /** True when the journal must be replaced: its end is unknown, or it is of version 0.1. */
  #mustReplace: boolean;
  /** CRC-32 of the last record. */
  #crc: number;
  /** Where the last record ends. */
  #end: number;

  private constructor(disk: SessionDisk, about: SessionFile, found: Recovered) {
    const { state, crc, end, rest, isOld, nRecords } = found;
    this.#disk = disk;
    this.about = about;
    this.#state = state;
    this.#noteParts = notePartsOf(state.note);
    this.#nRecords = nRecords;
    this.#crc = crc;
    this.#end = end;
    this.#mustReplace = isOld || rest.kind !== "nothing";
    this.rest = rest;
    this.isOld = isOld;
  }

  /**
   * Reads the last committed state. It changes nothing on disk.
   *
   * @param about the content of session.json
   * @param isForRepair accepts a journal with a damaged record, as far as it is whole
   * @throws {SavedSessionError} when session.json and the journal are not of one session, or the
   *   files are not valid
   */
  static open(disk: SessionDisk, about: SessionFile, isForRepair: boolean = false): SavedSession {
    const found = recover(disk);
    if (!isForRepair) mustBeWhole(disk.name, found);
    const { fingerprint } = found;
    if (found.about && !isForRepair) mustMatch(disk.name, about, found.about);
    if (fingerprint !== undefined && fingerprint !== fingerprintHash(about.made)) {
      const expected = fingerprintHash(about.made);
      const what = `expected fingerprint ${expected}, the journal has ${fingerprint}`;
      throw new SavedSessionError(disk.name, `${what}; session.json was changed, or is another's`);
    }
    return new SavedSession(disk, found.about ?? about, found);
  }

  /** The state that was committed last. */
  get state(): SavedState {
    return this.#state;
  }

  /** Number of records in the journal. */
  get nRecords(): number {
    return this.#nRecords;
  }

  /** The whole text: the tokens that were run, and then those that were not run yet. */
  get text(): readonly number[] {
    return [...this.#state.text];
  }

  /**
   * Restores a new session to the committed state.
   *
   * @throws {SavedSessionError} for a damaged page, or for logits that are not the model's
   */
  restore(session: Keepable): void {
    const { text, nRun, logits, pages } = this.#state;
    const { rowsBytes, keysBytes, format } = session.pool.layout;
    const nPages = Math.ceil(nRun / format.pageRows);
    if (pages.length !== nPages) {
      const what = `expected ${nPages} pages, got ${pages.length}`;
      throw new SavedSessionError(this.#disk.name, what);
    }
    const values = logits && decodeLogits(this.#disk.name, logits, session.model);
    session.restore(text.slice(0, nRun), (i) => this.#page(i, rowsBytes + keysBytes), values);
  }

  /** Reads all pages, and lists those whose bytes are not what was committed. */
  damage(): Damage[] {
    return this.#state.pages.flatMap((_page, i) => {
      try {
        this.#page(i, this.about.pageBytes);
        return [];
      } catch (error) {
        if (error instanceof SavedSessionError) return [{ page: i, message: error.message }];
        throw error;
      }
    });
  }

  /**
   * Writes the journal anew, without what follows its last whole record.
   *
   * @param page also drops the pages from this one on; their tokens stay in the text and will be run
   *   again
   */
  cut(page: number = this.#state.pages.length): void {
    const { text, nRun, pages, random, note, logits } = this.#state;
    const nKept = Math.min(nRun, page * this.about.pageRows);
    const rest = { random, note, ...(nKept === nRun && { logits }) };
    this.#replace({ text, nRun: nKept, pages: pages.slice(0, page), ...rest });
  }

  /**
   * Saves the session as it is now. If this throws, the commit before it is still valid, and the
   * caller may try again.
   */
  commit(session: Keepable, { pending, random, logits, note }: CommitExtras): void {
    if (this.#mustReplace || this.#end > 2 * this.#stateBytes() + SLACK) this.#replace(this.#state);
    const before = this.#state;
    const text = [...session.tokens, ...pending];
    const nRun = session.tokens.length;
    const pages = this.#writePages(session);
    const noteParts = notePartsOf(note);
    const newNote = noteChange(this.#noteParts, noteParts);
    const kept = commonPrefix(before.text, text);
    const newLogits = logits && encodeLogits(logits);
    const change: Change = {
      text: [kept, text.slice(kept)],
      run: nRun,
      pages: [pages.nKept, pages.more.map(({ slot, crc }) => [slot, crc])],
      ...(random && !isSameList(random, before.random) && { random }),
      ...(newLogits && {
        logits: newLogits.base64 === before.logits?.base64 ? "same" : newLogits,
      }),
      ...(newNote && { note: newNote }),
    };
    if (isNothing(change, before)) return;
    this.#append(change, { text, nRun, nPages: pages.nKept + pages.more.length });
    this.#noteParts = noteParts;
  }

  /** Closes the files. */
  close(): void {
    this.#disk.close();
  }

  /** About the bytes of a record that holds all of the state. */
  #stateBytes(): number {
    const { text, pages, logits } = this.#state;
    const nBase64 = logits?.base64.length ?? 0;
    const nIds = ID_BYTES * text.length;
    return nIds + PAGE_BYTES * pages.length + nBase64 + noteLength(this.#noteParts);
  }

  /** Writes the pages that have changed to free places, and syncs them. */
  #writePages(session: Keepable): { readonly nKept: number; readonly more: readonly KeptPage[] } {
    const { text, nRun, pages } = this.#state;
    const { tokens } = session;
    const { pageRows } = session.pool.layout.format;
    const nSame = Math.min(nRun, commonPrefix(text, tokens));
    const isAll = nSame === tokens.length && nSame === nRun;
    const nKept = isAll ? pages.length : Math.floor(nSame / pageRows);
    const free = freeSlots(pages);
    const more: KeptPage[] = [];
    for (let i = nKept; i * pageRows < tokens.length; i++) {
      const bytes = session.pageBytes(i);
      const slot = free();
      this.#disk.writePages(slot * slotBytes(bytes.length), bytes);
      more.push({ slot, crc: crc32(bytes) });
    }
    if (more.length > 0) this.#disk.syncPages();
    return { nKept, more };
  }

  /** Appends a record, and applies it to the state when it is on disk. */
  #append(
    change: Change,
    { text, nRun, nPages }: { text: number[]; nRun: number; nPages: number },
  ) {
    const nRecords = this.#nRecords + 1;
    const counts = { nRecords, nIds: text.length, nPending: text.length - nRun, nPages };
    const { bytes, nBeforeMark, crc } = record(change, this.#crc, counts);
    this.#mustReplace = true; // until the whole record is written
    this.#disk.writeJournal(this.#end, bytes);
    this.#disk.syncJournal();
    this.#mustReplace = false;
    this.#state.apply(change);
    this.#nRecords = nRecords;
    this.#crc = crc;
    this.#end += nBeforeMark;
  }

  /** Replaces the whole journal by one with a single record. */
  #replace(next: SavedState): void {
    const { bytes, nBeforeMark, crc } = wholeJournal(next, this.about);
    this.#mustReplace = true; // should it fail in the middle
    this.#disk.replaceJournal(bytes);
    this.#mustReplace = false;
    this.#state = GrowingState.from(next);
    this.#noteParts = notePartsOf(next.note);
    this.#nRecords = countsOf(next, 1).nRecords;
    this.#crc = crc;
    this.#end = nBeforeMark;
  }

  /** Reads page `i` and checks its CRC-32. */
  #page(i: number, length: number): Uint8Array {
    const { slot, crc } = this.#state.pages[i];
    const bytes = new Uint8Array(length);
    const got = this.#disk.readPages(slot * slotBytes(length), bytes);
    const where = `${this.#disk.name}: page ${i}`;
    if (got !== length) {
      throw new SavedSessionError(where, `expected ${length} bytes at place ${slot}, got ${got}`);
    }
    const sum = crc32(bytes);
    if (sum === crc) return bytes;
    throw new SavedSessionError(where, `expected checksum ${hex(crc)}, its bytes have ${hex(sum)}`);
  }
}

/** Whether a change leaves everything as it is. */
function isNothing(
  { text, run, pages, random, logits, note }: Change,
  before: SavedState,
): boolean {
  const isSameText = text[0] === before.text.length && text[1].length === 0 && run === before.nRun;
  const isSameLogits = logits === "same" || (!logits && !before.logits);
  const isSamePages = pages[0] === before.pages.length && pages[1].length === 0;
  return isSameText && isSamePages && isSameLogits && !random && !note;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

function isSameList(a: readonly number[], b: readonly number[] | undefined): boolean {
  return a.length === b?.length && commonPrefix(a, b) === a.length;
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, "0");
}
