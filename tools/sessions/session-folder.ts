/**
 * Creates, lists, opens, copies and removes saved sessions. Each session is a folder in the folder
 * of sessions. Only one process at a time can use a session.
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
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../node/user-error.ts";
import { type Fingerprint, fingerprintHash } from "./fingerprint.ts";
import { emptyJournal, recover, SavedSessionError } from "./journal.ts";
import { SavedSession } from "./saved-session.ts";
import { folderDisk, syncFolder, writeDurably } from "./session-disk.ts";

/** The version of session.json that this engine writes and reads. */
const VERSION = 1;

/** The content of session.json. */
export interface SessionFile {
  readonly version: number;
  /** What the session is: a text, for `glm52 run`, or a conversation, for `glm52 chat`. */
  readonly kind: "text" | "chat";
  /** The model's folder, as information for people. */
  readonly model: string;
  readonly created: string;
  /** What the session was made with. */
  readonly made: Fingerprint;
  /** Number of positions in a page. */
  readonly pageRows: number;
  /** Number of bytes of a page. */
  readonly pageBytes: number;
}

/** A saved session that is open in this process. */
export interface OpenSession {
  readonly saved: SavedSession;
  /** Closes the files and unlocks the session. */
  close(): void;
}

/** The default folder of sessions: `$GLM52_SESSIONS`, or a folder in the user's home. */
export function defaultSessions(): string {
  const { GLM52_SESSIONS } = process.env;
  return GLM52_SESSIONS ?? join(homedir(), ".glm52", "sessions");
}

/**
 * Returns `name` if a session can have this name.
 *
 * @throws {UserError} otherwise
 */
export function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new UserError(
    "session",
    `expected a name of letters, digits, ".", "_" and "-", got "${name}"`,
  );
}

/** The names of all sessions in a folder, sorted. If the folder does not exist, there are none. */
export function sessionNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "session.json")) && !name.startsWith("."))
    .sort();
}

/**
 * Reads the session.json of a session.
 *
 * @throws {SavedSessionError} when there is no session of this name, or its file is not valid
 */
export function readSessionFile(folder: string, name: string): SessionFile {
  const path = join(folder, checkName(name), "session.json");
  if (!existsSync(path))
    throw new SavedSessionError(`session ${name}`, `there is none in ${folder}`);
  let file: Partial<SessionFile>;
  try {
    file = JSON.parse(readFileSync(path, "utf8")) as Partial<SessionFile>;
  } catch (cause) {
    throw new SavedSessionError(path, "expected JSON, got other bytes", { cause });
  }
  if (file.version === VERSION && file.kind && file.made && file.pageRows && file.pageBytes)
    return file as SessionFile;
  throw new SavedSessionError(path, `expected version ${VERSION}, got ${file.version}`);
}

/** Reads the journal of a session without opening or locking the session. */
export function readState(folder: string, name: string): ReturnType<typeof recover> {
  const path = join(folder, name, "journal");
  return recover(path, readFileSync(path));
}

/** Creates a session without tokens. If this fails, no part of it is left. */
export function createSession(
  folder: string,
  name: string,
  file: Omit<SessionFile, "version">,
): void {
  assemble(folder, name, (temporary) => {
    const text = `${JSON.stringify({ version: VERSION, ...file }, undefined, 2)}\n`;
    writeDurably(temporary, "session.json", new TextEncoder().encode(text));
    writeDurably(temporary, "journal", emptyJournal());
    writeDurably(temporary, "pages", new Uint8Array());
  });
}

/**
 * Copies a session to a new name. The copy has its own files; some file systems store the common
 * bytes only once.
 */
export function forkSession(folder: string, name: string, twin: string): void {
  readSessionFile(folder, name);
  const unlock = lock(folder, name);
  try {
    assemble(folder, twin, (temporary) => {
      for (const part of ["session.json", "pages", "journal"]) {
        const to = join(temporary, part);
        copyFileSync(join(folder, name, part), to, constants.COPYFILE_FICLONE);
      }
    });
  } finally {
    unlock();
  }
}

/** Removes a session. It is renamed first, so that no half of it is ever found. */
export function removeSession(folder: string, name: string): void {
  readSessionFile(folder, name);
  const unlock = lock(folder, name);
  const away = join(folder, `.${name}.removed`);
  try {
    rmSync(away, { recursive: true, force: true });
    renameSync(join(folder, name), away);
  } catch (error) {
    unlock();
    throw error;
  }
  rmSync(away, { recursive: true, force: true });
}

/**
 * Opens a session and locks it for this process.
 *
 * @throws {SavedSessionError} when another process has it open, or its files are not valid
 */
export function openSession(folder: string, name: string): OpenSession {
  const { made } = readSessionFile(folder, name);
  const unlock = lock(folder, name);
  try {
    const disk = folderDisk(join(folder, name));
    const saved = SavedSession.open(disk, fingerprintHash(made));
    return {
      saved,
      close: () => {
        disk.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The size of a session's files. */
export function sessionBytes(folder: string, name: string): number {
  const sizes = ["pages", "journal"].map((part) => statSync(join(folder, name, part)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Fills a temporary folder, and then renames it to the session's name. */
function assemble(folder: string, name: string, fill: (temporary: string) => void): void {
  const path = join(folder, checkName(name));
  if (existsSync(path)) throw new SavedSessionError(`session ${name}`, `there is one in ${folder}`);
  mkdirSync(folder, { recursive: true });
  const temporary = mkdtempSync(join(folder, `.${name}.`));
  try {
    fill(temporary);
    syncFolder(temporary);
    renameSync(temporary, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Creates the lock file of a session, with the id of this process in it, and returns a function
 * that removes it. A lock file that a dead process left is replaced.
 */
function lock(folder: string, name: string): () => void {
  const path = join(folder, name, "lock");
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const owner = Number(readFileSync(path, "utf8"));
      if (isAlive(owner)) {
        throw new SavedSessionError(`session ${name}`, `process ${owner} has it open`);
      }
      rmSync(path, { force: true });
    }
  }
  throw new SavedSessionError(`session ${name}`, "another process has just opened it");
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
