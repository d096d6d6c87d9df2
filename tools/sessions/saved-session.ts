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
import {
  type KeptPage,
  record,
  recover,
  SavedSessionError,
  type SavedState,
  wholeJournal,
} from "./journal.ts";
import type { SessionDisk } from "./session-disk.ts";

/** Places begin at multiples of this many bytes. */
const BLOCK = 4096;

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
export type Keepable = Pick<Session, "tokens" | "pool" | "pageBytes" | "restore">;

/** A page whose bytes are not those that were committed. */
export interface Damage {
  readonly page: number;
  readonly message: string;
}

/** One session on disk; see the top of this file. */
export class SavedSession {
  readonly #disk: SessionDisk;
  #state: SavedState;
  /** True after a failed write: the end of the journal is unknown, so it is replaced as a whole. */
  #isTorn = false;
  /** CRC-32 of the last record. */
  #crc: number;
  /** Number of bytes after the last valid record when the session was opened. */
  readonly nDropped: number;

  private constructor(disk: SessionDisk, state: SavedState, crc: number, nDropped: number) {
    this.#disk = disk;
    this.#state = state;
    this.#crc = crc;
    this.nDropped = nDropped;
  }

  /**
   * Reads the last committed state. It changes nothing on disk.
   *
   * @param fingerprint the hash that the session must have, unless its journal has no records yet
   * @throws {SavedSessionError} when the session has another hash, or the files are not valid
   */
  static open(disk: SessionDisk, fingerprint: string): SavedSession {
    const { state, crc, nDropped } = recover(disk.name, disk.readJournal());
    const none = { fingerprint, tokens: [], pending: [], pages: [] };
    if (state && state.fingerprint !== fingerprint) {
      throw new SavedSessionError(
        disk.name,
        `expected fingerprint ${fingerprint}, the journal has ${state.fingerprint}`,
      );
    }
    const saved = new SavedSession(disk, state ?? none, crc, nDropped);
    saved.#isTorn = nDropped > 0;
    return saved;
  }

  /** The state that was committed last. */
  get state(): SavedState {
    return this.#state;
  }

  /** The whole text: the tokens that were run, and then those that were not run yet. */
  get text(): readonly number[] {
    return [...this.#state.tokens, ...this.#state.pending];
  }

  /**
   * Restores a new session to the committed state.
   *
   * @throws {SavedSessionError} for a damaged page
   */
  restore(session: Keepable): void {
    const { tokens, logits } = this.#state;
    const { rowsBytes, keysBytes } = session.pool.layout;
    const nPages = Math.ceil(tokens.length / session.pool.layout.format.pageRows);
    if (this.#state.pages.length !== nPages) {
      const got = this.#state.pages.length;
      throw new SavedSessionError(`${this.#disk.name}`, `expected ${nPages} pages, got ${got}`);
    }
    const values = logits && decodeLogits(logits);
    session.restore(tokens, (i) => this.#page(i, rowsBytes + keysBytes), values);
  }

  /** Reads all pages, and lists those whose bytes are not what was committed. */
  damage(pageBytes: number): Damage[] {
    return this.#state.pages.flatMap((_page, i) => {
      try {
        this.#page(i, pageBytes);
        return [];
      } catch (error) {
        if (error instanceof SavedSessionError) return [{ page: i, message: error.message }];
        throw error;
      }
    });
  }

  /** Drops the pages from `page` on. Their tokens stay in the text and will be run again. */
  cut(page: number, pageRows: number): void {
    const { fingerprint, note, random, tokens, pages } = this.#state;
    const nTokens = page * pageRows;
    this.#replace({
      fingerprint,
      tokens: tokens.slice(0, nTokens),
      pending: this.text.slice(nTokens),
      pages: pages.slice(0, page),
      ...(random && { random }),
      ...(note !== undefined && { note }),
    });
  }

  /**
   * Saves the session as it is now. If this throws, the commit before it is still valid, and the
   * caller may try again.
   */
  commit(session: Keepable, extras: CommitExtras): void {
    const before = this.#state;
    const { tokens } = session;
    const { pageRows } = session.pool.layout.format;
    let nTokensKept = 0;
    while (nTokensKept < before.tokens.length && before.tokens[nTokensKept] === tokens[nTokensKept])
      nTokensKept++;
    const isSame = nTokensKept === tokens.length && nTokensKept === before.tokens.length;
    const nPagesKept = isSame ? before.pages.length : Math.floor(nTokensKept / pageRows);
    const free = freeSlots(before.pages);
    const pages: KeptPage[] = [];
    for (let i = nPagesKept; i * pageRows < tokens.length; i++) {
      const bytes = session.pageBytes(i);
      const slot = free();
      this.#disk.writePages(slot * slotBytes(bytes.length), bytes);
      pages.push({ slot, crc: crc32(bytes) });
    }
    if (pages.length > 0) this.#disk.syncPages();
    const { pending, random, logits, note } = extras;
    const rest = {
      fingerprint: before.fingerprint,
      pending,
      ...(random && { random }),
      ...(logits && { logits: encodeLogits(logits) }),
      ...(note !== undefined && { note }),
    };
    const next: SavedState = {
      ...rest,
      tokens: [...tokens],
      pages: [...before.pages.slice(0, nPagesKept), ...pages],
    };
    if (this.#isTorn) {
      this.#replace(next);
      return;
    }
    const more = { ...rest, tokens: tokens.slice(nTokensKept), pages, nTokensKept, nPagesKept };
    const { bytes, crc } = record(more, this.#crc);
    this.#isTorn = true; // until the whole record is written
    this.#disk.appendJournal(bytes);
    this.#disk.syncJournal();
    this.#isTorn = false;
    this.#crc = crc;
    this.#state = next;
  }

  /** Replaces the whole journal by one with a single record. */
  #replace(next: SavedState): void {
    const { bytes, crc } = wholeJournal(next);
    this.#disk.replaceJournal(bytes);
    this.#isTorn = false;
    this.#crc = crc;
    this.#state = next;
  }

  /** Closes the files. */
  close(): void {
    this.#disk.close();
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

/** The size of a place. */
function slotBytes(pageBytes: number): number {
  return Math.ceil(pageBytes / BLOCK) * BLOCK;
}

/** Returns a function that gives the next place that no page uses. */
function freeSlots(pages: readonly KeptPage[]): () => number {
  const taken = new Set(pages.map(({ slot }) => slot));
  let next = 0;
  return () => {
    while (taken.has(next)) next++;
    return next++;
  };
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, "0");
}

function encodeLogits(logits: Floats): NonNullable<SavedState["logits"]> {
  const bytes = new Uint8Array(logits.slice().buffer);
  const type = logits.BYTES_PER_ELEMENT === 8 ? "f64" : "f32";
  return { type, base64: Buffer.from(bytes).toString("base64") };
}

function decodeLogits({ type, base64 }: NonNullable<SavedState["logits"]>): Floats {
  const { buffer } = Uint8Array.from(Buffer.from(base64, "base64"));
  return type === "f64" ? new Float64Array(buffer) : new Float32Array(buffer);
}
