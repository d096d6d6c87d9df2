/**
 * Describes a saved session, and checks that its bytes are those that were committed.
 * @module
 */
import { SavedSessionError } from "./journal.ts";
import { openSession, readSessionFile, readState, sessionBytes } from "./session-folder.ts";

/** The description of a session. */
export interface SessionSummary {
  /** Its name. */
  readonly name: string;
  /** Whether it is a text or a conversation. */
  readonly kind: "text" | "chat";
  /** Number of tokens that were run. */
  readonly tokens: number;
  /** Number of tokens of the text that were not run yet. */
  readonly pending: number;
  /** Pages of cache that are kept. */
  readonly pages: number;
  /** The size of its files. */
  readonly bytes: number;
  /** Number of valid records in the journal. */
  readonly records: number;
  /** Number of bytes after the last valid record. */
  readonly bytesOfNoRecord: number;
  /** The model's folder. */
  readonly model: string;
  /** When it was made. */
  readonly created: string;
  /** Model, backend and formats that it goes on with. */
  readonly madeWith: Readonly<Record<string, string>>;
}

/**
 * Describes a session.
 *
 * @throws {SavedSessionError} when there is no session of this name, or it cannot be read
 */
export function sessionSummary(folder: string, name: string): SessionSummary {
  const { kind, model, created, made } = readSessionFile(folder, name);
  const { state, nRecords, nDropped } = readState(folder, name);
  return {
    name,
    kind,
    tokens: state?.tokens.length ?? 0,
    pending: state?.pending.length ?? 0,
    pages: state?.pages.length ?? 0,
    bytes: sessionBytes(folder, name),
    records: nRecords,
    bytesOfNoRecord: nDropped,
    model,
    created,
    madeWith: made,
  };
}

/** What a check of a session found; the fields are those of {@link SessionSummary}. */
export interface Verified {
  /** Tokens that were run and are kept. */
  readonly tokens: number;
  /** Pages whose checksums were compared. */
  readonly pages: number;
  /** Number of tokens of the text that were not run yet. */
  readonly pending: number;
  /** Number of bytes after the last valid record. */
  readonly bytesOfNoRecord: number;
}

/**
 * Reads a whole session and compares its checksums.
 *
 * @param repair drops the pages from the first bad one on; their tokens will be run again
 * @throws {SavedSessionError} for a bad page, unless it was repaired
 */
export function verifySession(folder: string, name: string, repair: boolean = false): Verified {
  const { pageRows, pageBytes } = readSessionFile(folder, name);
  const { saved, close } = openSession(folder, name);
  try {
    const damaged = saved.damage(pageBytes);
    const [first] = damaged;
    if (first && !repair) {
      const whole = `${first.page * pageRows} tokens before it are whole; --repair keeps these`;
      const what = [...damaged.map(({ message }) => message), whole].join("\n");
      throw new SavedSessionError(`session ${name}`, what);
    }
    if (first) saved.cut(first.page, pageRows);
    const { tokens, pending, pages } = saved.state;
    return {
      tokens: tokens.length,
      pages: pages.length,
      pending: pending.length,
      bytesOfNoRecord: saved.nDropped,
    };
  } finally {
    close();
  }
}
