/**
 * Reads and writes the two files of a saved session: the journal, and the file of pages.
 *
 * Next: saved-session.ts
 * @module
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/**
 * What a saved session needs from the disk. Tests replace it by a disk that crashes. After a loss
 * of power, only what was synced is sure to be there.
 */
export interface SessionDisk {
  /** The name of the disk in error messages. */
  readonly name: string;
  readJournal(): Uint8Array;
  appendJournal(bytes: Uint8Array): void;
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

/** Opens the two files in `folder`, which must exist. */
export function folderDisk(folder: string): SessionDisk {
  const journalPath = join(folder, "journal");
  const pages = openSync(join(folder, "pages"), "r+");
  let journal = openSync(journalPath, "a");
  return {
    name: folder,
    readJournal: () => readFileSync(journalPath),
    appendJournal: (bytes) => writeAll(journal, bytes),
    syncJournal: () => fdatasyncSync(journal),
    replaceJournal: (bytes) => {
      writeDurably(folder, "journal", bytes);
      closeSync(journal);
      journal = openSync(journalPath, "a");
    },
    readPages: (offset, target) => {
      let done = 0;
      for (let n = -1; n !== 0 && done < target.length; done += n) {
        n = readSync(pages, target, done, target.length - done, offset + done);
      }
      return done;
    },
    writePages: (offset, bytes) => writeAll(pages, bytes, offset),
    syncPages: () => fdatasyncSync(pages),
    close: () => {
      closeSync(pages);
      closeSync(journal);
    },
  };
}

/**
 * Writes a file so that it is either complete or unchanged, also after a loss of power: writes it
 * under another name, syncs it, renames it, and syncs the folder.
 */
export function writeDurably(folder: string, name: string, bytes: Uint8Array): void {
  const temporary = join(folder, `.${name}.tmp`);
  const file = openSync(temporary, "w");
  try {
    writeAll(file, bytes);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(folder, name));
  syncFolder(folder);
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

function writeAll(file: number, bytes: Uint8Array, offset?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = offset === undefined ? null : offset + done;
    done += writeSync(file, bytes, done, bytes.length - done, at);
  }
}
