/**
 * The error of saved sessions, and the sentences for what an operating system refuses.
 *
 * Next: regular-file.ts
 * @module
 */
import { GlmError } from "../../engine/index.ts";
import { systemCode } from "../node/system-code.ts";

/** The error when a saved session cannot be used, with the reason. */
export class SavedSessionError extends GlmError {
  override readonly name = "SavedSessionError";
  readonly code = "session";
}

/** What an error of the operating system means for a session, and what to do about it. */
const SENTENCES: Readonly<Record<string, string>> = {
  EACCES: "this user may not read or write it; change its permissions, or use --sessions DIR",
  EDQUOT: "the disk quota is used up; what was saved before is still there",
  EIO: "the disk reported an error; what was saved before may still be there: session verify",
  ELOOP: "it is a symbolic link, which is not followed here; put the file itself in its place",
  EMFILE: "this process has too many open files; close sessions, or raise `ulimit -n`",
  ENFILE: "the system has too many open files; close programs",
  ENAMETOOLONG: "the path is too long; use a shorter --sessions DIR or name",
  ENOENT: "it is not there any more; another process has removed it",
  ENOSPC: "the disk is full; what was saved before is still there",
  ENOTDIR: "expected a folder, and a file of this name is in the way; use another --sessions DIR",
  EPERM: "the system does not permit it here; use --sessions DIR on another disk",
  EROFS: "the disk is read-only, and a session in use needs to write; copy it to another disk",
};

/**
 * Returns what `work` returns. An error of the operating system becomes a sentence.
 *
 * @param where the session or the file that `work` is about
 */
export function explained<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || error instanceof SavedSessionError) throw error;
    const what = `${SENTENCES[code] ?? (error as Error).message} (${code})`;
    throw new SavedSessionError(where, what, { cause: error });
  }
}
