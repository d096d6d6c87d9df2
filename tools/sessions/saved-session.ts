/**
 * A session that outlives its process: after every commit, what was committed is what a new process
 * finds, or a later commit, whenever this one is killed.
 *
 * ```
 *   commit:  pages that changed → free places │ sync │ record → journal │ sync │ old places are free
 * ```
 *
 * A place that the last synced record names is never written, so there is nothing to undo: until the
 * record is whole, the one before it is true, and so are its pages. The page that is not full yet
 * moves from place to place with each commit.
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

/** Places begin at multiples of this. */
const BLOCK = 4096;

/** What a commit keeps besides the tokens and pages of a session. */
export interface CommitExtras {
  /** Tokens of the text that the session has not run. */
  readonly pending: readonly number[];
  readonly random?: readonly number[] | undefined;
  /** Logits after the session's last token. */
  readonly logits?: Floats | undefined;
  readonly note?: unknown;
}

/** What of a session is kept, and how it is given back. */
export type Keepable = Pick<Session, "tokens" | "pool" | "pageBytes" | "restore">;

/** A page that is not what was committed. */
export interface Damage {
  readonly page: number;
  readonly message: string;
}

/** One session on disk; see the top of this file. */
export class SavedSession {
  readonly #disk: SessionDisk;
  #state: SavedState;
  /** A write has failed: how the journal ends is unknown. */
  #isTorn = false;
  /** Checksum of the last record. */
  #crc: number;
  /** Bytes that were no whole record when this was opened. */
  readonly nDropped: number;

  private constructor(disk: SessionDisk, state: SavedState, crc: number, nDropped: number) {
    this.#disk = disk;
    this.#state = state;
    this.#crc = crc;
    this.nDropped = nDropped;
  }

  /**
   * Recovers the last committed state. Changes nothing on disk.
   *
   * @param fingerprint what the session must have been made with; new for a journal without records
   * @throws {SavedSessionError} when it was made with something else, or these are not its files
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

  /** What was committed last. */
  get state(): SavedState {
    return this.#state;
  }

  /** The whole text: tokens that were run, and those that wait. */
  get text(): readonly number[] {
    return [...this.#state.tokens, ...this.#state.pending];
  }

  /** Gives a new session what was committed. @throws {SavedSessionError} for a damaged page */
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

  /** The pages whose bytes are not what was committed, and why. */
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

  /** Gives up the pages from `page` on: their tokens will be run again. */
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
   * Keeps the session as it is now. When it throws, what was committed before is still there, and
   * asking again is safe.
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
    this.#isTorn = true; // until all of the record is there
    this.#disk.appendJournal(bytes);
    this.#disk.syncJournal();
    this.#isTorn = false;
    this.#crc = crc;
    this.#state = next;
  }

  #replace(next: SavedState): void {
    const { bytes, crc } = wholeJournal(next);
    this.#disk.replaceJournal(bytes);
    this.#isTorn = false;
    this.#crc = crc;
    this.#state = next;
  }

  close(): void {
    this.#disk.close();
  }

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

/** Bytes from place to place. */
function slotBytes(pageBytes: number): number {
  return Math.ceil(pageBytes / BLOCK) * BLOCK;
}

/** Places that no page takes, the first one first. */
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
