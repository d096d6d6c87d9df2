/**
 * The folder of a model that takes hours to write. What is written stays when the process is killed, and the next
 * one with the same work goes on.
 *
 * ```text
 * OUT.unfinished/            beside OUT; or OUT/unfinished, when OUT is there and empty
 *   owner                    the process that writes; see owner.ts
 *   journal                  what is written
 *   model/                   the folder that becomes OUT, or whose files move into OUT
 * ```
 *
 * @module
 */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { moveInto, type Target, vacantFolder } from "./new-model-folder.ts";
import { OWNER, OWNER_FORM, ownerState, pidOf } from "./owner.ts";
import { systemCode } from "./system-code.ts";
import { temporaryName } from "./temporaries.ts";
import { UserError } from "./user-error.ts";

/** What the name of such a folder ends with. */
const UNFINISHED = "unfinished";

const [MODEL, MOVING, JOURNAL, LOCK] = ["model", "moving", "journal", "owner"];

const FORM = new RegExp(`^${OWNER_FORM}$`);

/** How a folder is filled. */
export interface UnfinishedOptions {
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
  /** Whether what is written stays after such an error. When the process is killed, it stays anyway. */
  readonly keeps?: ((error: unknown) => boolean) | undefined;
}

/**
 * Makes the folder `out`, or goes on making it.
 *
 * @param fill is given the folder to fill, which may hold what an earlier process wrote, and the path of the
 *   journal, which tells what that is
 * @throws {UserError} when `out` exists and is not empty, or another process is writing it; and what `fill` throws
 */
export async function unfinishedFolder<T>(
  out: string,
  { signal, keeps = () => false }: UnfinishedOptions,
  fill: (folder: string, journal: string) => Promise<T>,
): Promise<T> {
  const target = await targetOf(out);
  const place = placeOf(target);
  await mkdir(place, { recursive: true });
  await lock(place);
  let isKept = true;
  try {
    await mkdir(join(place, MODEL), { recursive: true });
    const result = await fill(join(place, MODEL), join(place, JOURNAL));
    signal?.throwIfAborted();
    await finish(place, target);
    isKept = false;
    return result;
  } catch (error) {
    const isBegun = existsSync(join(place, JOURNAL));
    isKept = isBegun && (error instanceof AnotherWork || keeps(error));
    throw error;
  } finally {
    if (isKept) await rm(join(place, LOCK), { force: true });
    else await rm(place, { recursive: true, force: true });
  }
}

/** What is there belongs to other work than is to be done now, or to another process. It stays as it is. */
export class AnotherWork extends UserError {}

/** The folder that holds the beginning of `out`, if there is one. */
export async function unfinishedOf(out: string): Promise<string | undefined> {
  const place = placeOf(await targetOf(out));
  return existsSync(place) ? place : undefined;
}

/**
 * The place of `out`. When the files of a finished model were being moved into a folder that was there, those
 * that had arrived go back first.
 */
async function targetOf(out: string): Promise<Target> {
  const moving = join(out, UNFINISHED, MOVING);
  if (existsSync(moving)) {
    for (const name of await readdir(out)) {
      if (name !== UNFINISHED) await rename(join(out, name), join(moving, name));
    }
    await rename(moving, join(out, UNFINISHED, MODEL));
  }
  return vacantFolder(out, UNFINISHED);
}

function placeOf({ path, exists }: Target): string {
  return exists ? join(path, UNFINISHED) : `${path}.${UNFINISHED}`;
}

/** Moves the complete model to its place. */
async function finish(place: string, target: Target): Promise<void> {
  if (target.exists) await rename(join(place, MODEL), join(place, MOVING));
  await moveInto(join(place, target.exists ? MOVING : MODEL), target);
}

/**
 * Makes this process the owner of the folder. Two that take over from a dead one in the same moment would write
 * the same bytes to the same places.
 *
 * @throws {UserError} when another process is
 */
async function lock(place: string): Promise<void> {
  const path = join(place, LOCK);
  for (;;) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(OWNER);
      await file.close();
      return;
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
    const owner = await readFile(path, "utf8").catch(() => "");
    const state = FORM.test(owner) ? ownerState(owner) : "dead"; // a name may be torn
    if (state === "alive") throw new AnotherWork(place, `process ${pidOf(owner)} is writing it`);
    if (state === "elsewhere") {
      const who = `process ${pidOf(owner)} of another machine or container may be writing it`;
      throw new AnotherWork(place, `${who}; if it has ended, remove ${path}`);
    }
    const gone = join(place, temporaryName(LOCK, "removed"));
    await rename(path, gone).catch(() => {}); // another one may have been faster
    await rm(gone, { force: true });
  }
}
