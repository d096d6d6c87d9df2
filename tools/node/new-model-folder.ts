/**
 * The folder of a model that is being written.
 * @module
 */
import { mkdir, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkWritable, findOutput } from "./output.ts";
import { sweep, temporaryName } from "./temporaries.ts";
import { UserError } from "./user-error.ts";

/**
 * Makes the folder `out`. It is filled under another name and moved to its place at the end, so that
 * `out` never holds an incomplete model.
 *
 * @param fill writes the files into a folder that is there, and gives what is returned
 * @throws {UserError} when `out` exists and is not empty; and what `fill` throws
 */
export async function newModelFolder<T>(
  out: string,
  signal: AbortSignal | undefined,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const target = await vacantFolder(out);
  const place = target.exists ? target.path : dirname(target.path);
  sweep(place);
  const temporary = join(place, temporaryName("model", "tmp"));
  try {
    await mkdir(temporary);
    const result = await fill(temporary);
    signal?.throwIfAborted();
    await moveInto(temporary, target);
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The place of a folder that is to be filled. */
export interface Target {
  /** Its path, without symbolic links in its last part. */
  readonly path: string;
  /** Whether it is there already, and empty. */
  readonly exists: boolean;
}

/**
 * Finds the place for a new folder.
 *
 * @param mayHold the name of something that may be in the folder
 * @throws {UserError} when `out` is a file, a folder with something else in it, or cannot be made
 */
export async function vacantFolder(out: string, mayHold?: string): Promise<Target> {
  if (await isFolder(out)) sweep(out);
  const all = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UserError(out, "expected the name of a new folder, this is a file");
  });
  const inside = all?.filter((name) => name !== mayHold);
  if (inside && inside.length > 0) {
    throw new UserError(out, `expected a new or empty folder, got one with ${inside[0]} in it`);
  }
  const target = inside
    ? { path: await realpath(out), exists: true }
    : { path: (await findOutput(out)).path, exists: false };
  await checkWritable(target.exists ? join(target.path, CONFIG) : target.path);
  return target;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Moves the complete folder to its place. A folder that is there stays itself, with its permissions, and
 * even when another disk is mounted at it; its config.json, without which it is no model, comes last.
 */
export async function moveInto(complete: string, target: Target): Promise<void> {
  if (!target.exists) return rename(complete, target.path);
  const names = await readdir(complete);
  const order = [...names.filter((name) => name !== CONFIG), CONFIG];
  for (const name of order) await rename(join(complete, name), join(target.path, name));
}

const CONFIG = "config.json";
