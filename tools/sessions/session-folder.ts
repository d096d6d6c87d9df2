/**
 * Creates, opens, copies and removes saved sessions. Each session is a folder in the folder of
 * sessions. Only one process at a time can use a session.
 *
 * ```
 *   SESSIONS / NAME / session.json   what it was made with          (written once)
 *                     journal        its tokens and state           (one record for each commit)
 *                     pages          the bytes of its pages         (at places that the journal names)
 *                     lock           the process that has it open
 * ```
 *
 * Next: save-as-it-goes.ts
 * @module
 */

import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemCode } from "../node/system-code.ts";
import { sweep, temporaryName } from "../node/temporaries.ts";
import { wholeJournal } from "./journal.ts";
import { isLocked, type Lock, lockFolder } from "./lock.ts";
import { EMPTY } from "./record.ts";
import { openRegular } from "./regular-file.ts";
import { SavedSession } from "./saved-session.ts";
import {
  folderDisk,
  type SessionDisk,
  syncFile,
  syncFolder,
  writeDurably,
} from "./session-disk.ts";
import { explained, SavedSessionError } from "./session-error.ts";
import {
  readSessionFile,
  type SessionFile,
  sessionFile,
  sessionFileBytes,
} from "./session-file.ts";
import { checkName } from "./session-names.ts";

/** A saved session that is open in this process. */
export interface OpenSession {
  readonly saved: SavedSession;
  /** Closes the files and unlocks the session. */
  close(): void;
}

/**
 * Creates a session without tokens. If this fails, no part of it is left.
 *
 * @returns false when there is a session of this name already
 */
export function createSession(
  folder: string,
  name: string,
  settings: Omit<SessionFile, "version">,
): boolean {
  const file = sessionFile(settings);
  return assemble(folder, name, (temporary) => {
    writeDurably(temporary, "session.json", sessionFileBytes(file));
    writeDurably(temporary, "journal", wholeJournal(EMPTY, file).bytes);
    writeDurably(temporary, "pages", new Uint8Array());
  });
}

/**
 * Copies a session to a new name. The copy has its own files; some file systems store the common
 * bytes only once. It has its name only when all of it is on the disk.
 */
export function forkSession(folder: string, name: string, twin: string): void {
  readSessionFile(folder, name);
  checkName(twin);
  const lock = lockFolder(join(folder, name), `session ${name}`);
  try {
    const isNew = assemble(folder, twin, (temporary) => {
      for (const part of ["session.json", "pages", "journal"]) {
        const from = join(folder, name, part);
        closeSync(openRegular(from, "r"));
        copyFileSync(from, join(temporary, part), constants.COPYFILE_FICLONE);
        syncFile(join(temporary, part));
      }
    });
    if (!isNew) throw new SavedSessionError(`session ${twin}`, `there is one in ${folder}`);
  } finally {
    lock.release();
  }
}

/** Removes a session. It is renamed first, so that no half of it is ever found. */
export function removeSession(folder: string, name: string): void {
  readSessionFile(folder, name);
  const lock = lockFolder(join(folder, name), `session ${name}`);
  const away = join(folder, temporaryName(name, "removed"));
  try {
    explained(`session ${name}`, () => renameSync(join(folder, name), away));
  } catch (error) {
    lock.release();
    throw error;
  }
  rmSync(away, { recursive: true, force: true });
  syncFolder(folder);
  sweep(folder);
}

/**
 * Opens the lock of a session whose owner cannot be seen from here.
 *
 * @throws {SavedSessionError} when its owner is seen to be alive
 */
export function unlockSession(folder: string, name: string): void {
  readSessionFile(folder, name);
  lockFolder(join(folder, name), `session ${name}`, true).release();
}

/**
 * Opens a session and locks it for this process.
 *
 * @param isForRepair accepts a session with damaged records or another session.json
 * @throws {SavedSessionError} when another process has it open, or its files are not valid
 */
export function openSession(folder: string, name: string, isForRepair = false): OpenSession {
  const file = readSessionFile(folder, name);
  const path = join(folder, name);
  const lock = lockFolder(path, `session ${name}`);
  let disk: SessionDisk | undefined;
  try {
    sweep(folder);
    disk = folderDisk(path, lock.mustHold);
    return { saved: SavedSession.open(disk, file, isForRepair), close: closer(disk, lock) };
  } catch (error) {
    closer(disk, lock)();
    throw error;
  }
}

function closer(disk: SessionDisk | undefined, lock: Lock): () => void {
  let isOpen = true;
  return () => {
    if (!isOpen) return;
    isOpen = false;
    disk?.close();
    lock.release();
  };
}

/** Whether another process has a session open, or may have. */
export function isInUse(folder: string, name: string): boolean {
  return isLocked(join(folder, name));
}

/** The size of a session's files. */
export function sessionBytes(folder: string, name: string): number {
  const sizes = ["pages", "journal"].map((part) => statSync(join(folder, name, part)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Fills a temporary folder, and then renames it to the session's name.
 *
 * @returns false when there is a session of this name already
 */
function assemble(folder: string, name: string, fill: (temporary: string) => void): boolean {
  const path = join(folder, checkName(name));
  return explained(path, () => {
    makeFolder(folder);
    sweep(folder);
    if (existsSync(path)) return isOtherName(folder, name);
    const temporary = join(folder, temporaryName(name, "new"));
    try {
      mkdirSync(temporary, { mode: 0o700 });
      fill(temporary);
      syncFolder(temporary);
      renameSync(temporary, path);
      syncFolder(folder);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      if (["ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) return false;
      throw error;
    }
    return true;
  });
}

/** Makes a folder and those above it, and writes their names to the disk. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let path = folder; ; path = dirname(path)) {
    syncFolder(dirname(path));
    if (path === first || path === dirname(path)) return;
  }
}

/**
 * Returns false, as there is something at the place of session `name`.
 *
 * @throws {SavedSessionError} when that is a session of another name, which the file system takes for
 *   the same, or no session
 */
function isOtherName(folder: string, name: string): false {
  const names = readdirSync(folder);
  const twin = names.find((other) => other.toLowerCase() === name.toLowerCase());
  if (twin !== undefined && !names.includes(name)) {
    const what = `this file system takes it for the same as ${twin}; use another name`;
    throw new SavedSessionError(`session ${name}`, what);
  }
  if (existsSync(join(folder, name, "session.json"))) return false;
  const what = `${join(folder, name)} is there, and is no session; use another name, or move it`;
  throw new SavedSessionError(`session ${name}`, what);
}
