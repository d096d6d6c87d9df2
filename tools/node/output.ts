/**
 * Where an output goes, found out before the work that makes it.
 *
 * Next: write-whole.ts
 * @module
 */
import { access, constants, lstat, readdir, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "./user-error.ts";

/** The place of an output. */
export interface Output {
  /** A path without symbolic links in its last part. */
  readonly path: string;
  /** Whether the bytes go into what is there: a device, a pipe, a socket. Else a file is replaced. */
  readonly isStream: boolean;
  /** The permission bits of the file that is replaced. */
  readonly mode?: number;
}

/**
 * Follows symbolic links to the place that `path` names. A link stays a link, and what it leads to is
 * replaced, as with `>` of a shell.
 *
 * @throws {UserError} for a folder, and for a file that may not be written
 */
export async function findOutput(path: string): Promise<Output> {
  const found = await stat(path).catch(absent);
  if (!found) {
    const link = await readlink(path).catch(() => undefined);
    if (link === undefined) return { path: resolve(path), isStream: false };
    return findOutput(resolve(dirname(path), link));
  }
  if (found.isDirectory())
    throw new UserError(path, "expected the name of a file, this is a folder");
  await access(path, constants.W_OK).catch(() => {
    throw new UserError(path, "expected a file that may be written, this one is read-only");
  });
  if (!found.isFile()) return { path, isStream: true };
  return { path: await realpath(path), isStream: false, mode: found.mode & 0o777 };
}

/**
 * Finds out before hours of work whether a file could be written.
 *
 * @param inputs files, and folders of files, that this work reads: it must not write over them
 * @throws {UserError} when it could not
 */
export async function checkWritable(path: string, inputs: readonly string[] = []): Promise<void> {
  const output = await findOutput(path);
  if (output.isStream) return;
  const folder = dirname(output.path);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new UserError(path, `there is no folder ${folder}`);
  await access(folder, constants.W_OK).catch(() => {
    throw new UserError(path, `the folder ${folder} is not writable`);
  });
  for (const input of inputs) await checkOther(path, output, input);
}

/** @throws {UserError} when the output is this input, or a file in it */
async function checkOther(path: string, output: Output, input: string): Promise<void> {
  const there = await lstat(output.path).catch(() => undefined);
  const isFolder = (await stat(input).catch(() => undefined))?.isDirectory();
  if (!there) return;
  const files = isFolder ? (await readdir(input)).map((name) => join(input, name)) : [input];
  for (const file of files) {
    const read = await stat(file).catch(() => undefined);
    if (read?.dev === there.dev && read.ino === there.ino) {
      const what = isFolder ? `${basename(file)} of ${input}` : "a file";
      throw new UserError(path, `this is ${what} that the work reads; choose another name`);
    }
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
