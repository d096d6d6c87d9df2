/**
 * Describes a saved session.
 *
 * Next: verify.ts
 * @module
 */
import { closeSync, fstatSync } from "node:fs";
import { join } from "node:path";
import type { JournalSource } from "./frames.ts";
import { type Counts, countsOf } from "./journal.ts";
import { glance, mustBeWhole, type Recovered, recover } from "./journal-reader.ts";
import { openRegular, readFully } from "./regular-file.ts";
import { explained, SavedSessionError } from "./session-error.ts";
import { readSessionFile, type SessionFile } from "./session-file.ts";
import { isInUse, sessionBytes } from "./session-folder.ts";

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
  /** Number of whole records in the journal. */
  readonly records: number;
  /** Number of bytes after the last whole record that are no record. */
  readonly bytesOfNoRecord: number;
  /** The model's folder. */
  readonly model: string;
  /** When it was made. */
  readonly created: string;
  /** Model, backend and formats that it goes on with. */
  readonly madeWith: Readonly<Record<string, string>>;
}

/** How often a journal is read again that another process is writing. */
const LOOKS = 5;
/** Time between two looks. */
const PAUSE_MS = 20;

/**
 * Describes a session, of which the whole journal is read.
 *
 * @throws {SavedSessionError} when there is no session of this name, or it cannot be read
 */
export function sessionSummary(folder: string, name: string): SessionSummary {
  const file = readSessionFile(folder, name);
  const isUnclear = ({ rest }: Recovered): boolean => rest.kind !== "nothing";
  const found = steady(folder, name, recover, isUnclear);
  mustBeWhole(join(folder, name), found);
  const { state, nRecords, rest } = found;
  const nBytes = rest.kind === "torn" ? rest.nBytes : 0;
  return described(folder, name, file, countsOf(state, nRecords), nBytes);
}

/**
 * Describes a session from a few bytes of its journal; nothing is checked but these.
 *
 * @throws {SavedSessionError} when there is no session of this name, or its end is not whole
 */
export function sessionOverview(folder: string, name: string): SessionSummary {
  const file = readSessionFile(folder, name);
  const counts = steady(folder, name, glance, (found) => found === undefined);
  if (counts) return described(folder, name, file, counts, 0);
  const what = "the end of its journal is not whole; `glm52 session verify` reads all of it";
  throw new SavedSessionError(`session ${name}`, what);
}

function described(
  folder: string,
  name: string,
  { kind, model, created, made }: SessionFile,
  { nRecords, nIds, nPending, nPages }: Counts,
  bytesOfNoRecord: number,
): SessionSummary {
  const counts = { tokens: nIds - nPending, pending: nPending, pages: nPages, records: nRecords };
  const bytes = explained(`session ${name}`, () => sessionBytes(folder, name));
  return { name, kind, ...counts, bytes, bytesOfNoRecord, model, created, madeWith: made };
}

/**
 * Reads a journal without locking it. Where its end is unclear, another process may be writing, so
 * it is read again after a moment.
 */
function steady<T>(
  folder: string,
  name: string,
  read: (source: JournalSource) => T,
  isUnclear: (found: T) => boolean,
): T {
  const path = join(folder, name, "journal");
  for (let look = 1; ; look++) {
    const found = withSource(path, read);
    if (look === LOOKS || !isUnclear(found) || !isInUse(folder, name)) return found;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

function withSource<T>(path: string, read: (source: JournalSource) => T): T {
  const file = openRegular(path, "r");
  const { size } = fstatSync(file);
  try {
    return read({
      name: path,
      journalBytes: () => size,
      readJournal: (offset, target) => explained(path, () => readFully(file, offset, target)),
    });
  } finally {
    closeSync(file);
  }
}
