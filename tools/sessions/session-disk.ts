/**
 * Reads and writes the two files of a saved session: the journal, and the file of pages.
 *
 * Next: saved-session.ts
 * @module
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { temporaryName } from "../node/temporaries.ts";
import type { JournalSource } from "./frames.ts";
import { openRegular, readFully } from "./regular-file.ts";
import { explained } from "./session-error.ts";

/**
 * What a saved session needs from the disk. Tests replace it by a disk that crashes. After a loss
 * of power, only what was synced is sure to be there.
 */
export interface SessionDisk extends JournalSource {
  /** Writes into the journal, which may grow. */
  writeJournal(offset: number, bytes: Uint8Array): void;
  syncJournal(): void;
  /**
   * Replaces the journal, and syncs it. At every moment the journal is either the old one or all of
   * `bytes`.
   */
  replaceJournal(bytes: Uint8Array): void;
  /**
   * Reads bytes into `target`. Returns how many there were, which is fewer at the end of the file.
   */
  readPages(offset: number, target: Uint8Array): number;
  writePages(offset: number, bytes: Uint8Array): void;
  syncPages(): void;
  close(): void;
}

/**
 * Opens the two files in `folder`, which must exist.
 *
 * @param mustHold is called before each write; it throws when another process has the session now
 */
export function folderDisk(folder: string, mustHold: () => void = () => {}): SessionDisk {
  const journalPath = join(folder, "journal");
  const pages = openRegular(join(folder, "pages"), "r+");
  let journal = openOr(journalPath, () => closeSync(pages));
  const change = (work: () => void): void => {
    mustHold();
    explained(folder, work);
  };
  return {
    name: folder,
    journalBytes: () => fstatSync(journal).size,
    readJournal: (offset, target) => explained(folder, () => readFully(journal, offset, target)),
    writeJournal: (offset, bytes) => change(() => writeAll(journal, bytes, offset)),
    syncJournal: () => explained(folder, () => fdatasyncSync(journal)),
    replaceJournal: (bytes) => {
      change(() => writeDurably(folder, "journal", bytes));
      closeSync(journal);
      journal = openRegular(journalPath, "r+");
    },
    readPages: (offset, target) => explained(folder, () => readFully(pages, offset, target)),
    writePages: (offset, bytes) => change(() => writeAll(pages, bytes, offset)),
    syncPages: () => explained(folder, () => fdatasyncSync(pages)),
    close: () => {
      closeSync(pages);
      closeSync(journal);
    },
  };
}

function openOr(path: string, onError: () => void): number {
  try {
    return openRegular(path, "r+");
  } catch (error) {
    onError();
    throw error;
  }
}

/**
 * Writes a file so that it is either complete or unchanged, also after a loss of power: writes it
 * under another name, syncs it, renames it, and syncs the folder.
 */
export function writeDurably(folder: string, name: string, bytes: Uint8Array): void {
  const temporary = join(folder, temporaryName(name, "tmp"));
  const file = openSync(temporary, "wx");
  try {
    try {
      writeAll(file, bytes, 0);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(folder, name));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(folder);
}

/** Syncs a file. */
export function syncFile(path: string): void {
  const file = openRegular(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Syncs a folder, so that the new names of files in it are on disk too. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeAll(file: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}
