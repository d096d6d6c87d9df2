/**
 * Checks that the bytes of a saved session are those that were committed, and mends it as far as
 * that is possible.
 *
 * Next: index.ts
 * @module
 */
import { join } from "node:path";
import { tornText } from "./journal-reader.ts";
import type { SavedSession } from "./saved-session.ts";
import { writeDurably } from "./session-disk.ts";
import { SavedSessionError } from "./session-error.ts";
import { differences, readSessionFile, sessionFileBytes } from "./session-file.ts";
import { openSession } from "./session-folder.ts";

/** What a check of a session found; the fields are those of a `SessionSummary`. */
export interface Verified {
  /** Tokens that were run and are kept. */
  readonly tokens: number;
  /** Pages whose checksums were compared. */
  readonly pages: number;
  /** Number of tokens of the text that were not run yet. */
  readonly pending: number;
  /** What a repair has changed, a sentence each; empty when all was right. */
  readonly repaired: readonly string[];
}

/**
 * Reads a whole session and compares its checksums.
 *
 * @param repair mends what can be mended, and gives up what cannot: records from the first damaged
 *   one on, and pages from the first bad one on, whose tokens will be run again
 * @throws {SavedSessionError} when something is not as it was committed, unless it was repaired
 */
export function verifySession(folder: string, name: string, repair: boolean = false): Verified {
  const { saved, close } = openSession(folder, name, repair);
  try {
    const repaired = repair ? mended(join(folder, name), folder, name, saved) : [];
    if (!repair) mustBeRight(name, saved);
    const { text, nRun, pages } = saved.state;
    return { tokens: nRun, pages: pages.length, pending: text.length - nRun, repaired };
  } finally {
    close();
  }
}

function mustBeRight(name: string, saved: SavedSession): void {
  const { pageRows } = saved.about;
  const bad = saved.damage();
  const [first] = bad;
  const problems = bad.map(({ message }) => message);
  if (first) {
    problems.push(`${first.page * pageRows} tokens before it are whole; --repair keeps these`);
  }
  if (saved.rest.kind === "torn") {
    problems.push(`${tornText(saved.rest)}; run goes on without them, and --repair removes them`);
  }
  if (problems.length > 0) throw new SavedSessionError(`session ${name}`, problems.join("\n"));
}

/** Repairs a session and says what was changed. */
function mended(path: string, folder: string, name: string, saved: SavedSession): string[] {
  const done: string[] = [];
  const { rest, about, state, nRecords } = saved;
  const bad = saved.damage();
  const [first] = bad;
  const nBad = bad.length;
  if (first && nBad > 1 && nBad === state.pages.length && saved.isOld) {
    const what = `all ${nBad} pages are bad, which is more likely a change of pageBytes or pageRows in session.json than damage; nothing was changed`;
    throw new SavedSessionError(`session ${name}`, what);
  }
  const changed = differences(readSessionFile(folder, name), about);
  if (changed !== "") {
    writeDurably(path, "session.json", sessionFileBytes(about));
    done.push(`session.json was written again from the journal: ${changed}`);
  }
  if (rest.kind === "damaged") {
    const { why, nBytes, nRecordsAfter, nIdsAfter } = rest;
    done.push(
      `${why}: it, ${nRecordsAfter} whole records after it and all they held are given up (${nBytes} bytes, up to ${nIdsAfter} tokens); ${nRecords} records with ${state.text.length} tokens are kept`,
    );
  }
  if (rest.kind === "torn") done.push(`${tornText(rest)}: they are removed`);
  if (first) done.push(`${first.message}: from this page on, tokens will be run again`);
  if (first || rest.kind !== "nothing") saved.cut(first?.page);
  return done;
}
