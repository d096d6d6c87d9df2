/**
 * The lock of a session: one process at a time has it, also when several take over what a dead one
 * left behind.
 *
 * Node has no locks of the system, so the lock is a file. Its text names its owner and a number that
 * is drawn at random and never used twice. The steps below rely on one thing only: `link` gives a
 * file a name if and only if nobody has that name yet.
 *
 * ```
 *   nobody has it     write a private file │ sync │ link it to "lock"
 *   its owner died    link the private file to "lock.after.ID", where ID is the number in the dead
 *                     lock │ read "lock" again: is it still ID? │ rename the private file to "lock"
 * ```
 *
 * Why two cannot take over the same dead lock: only one can link "lock.after.ID". Why a slow process
 * cannot use an ID that is over: the files "lock.after.…" are removed only after "lock" has another
 * number, and it never has the old one again, so the second look finds out. When a process dies
 * between the link and the rename, the file "lock.after.ID" holds its own number, and the next one
 * takes over from that one: the successors form a chain, whose last one is the owner.
 *
 * A lock of another container or another machine is never taken for dead, unless alive-pipe.ts tells.
 *
 * Next: record.ts
 * @module
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { isSameKernel, OWNER, OWNER_FORM, ownerState, pidOf, pidState } from "../node/owner.ts";
import { systemCode } from "../node/system-code.ts";
import { namesIn, randomId, sweep, temporaryName } from "../node/temporaries.ts";
import { closePipe, openPipe, pipePath, pipeState } from "./alive-pipe.ts";
import { openRegular, readFully } from "./regular-file.ts";
import { explained, SavedSessionError } from "./session-error.ts";

/** A lock of this process. */
export interface Lock {
  /** @throws {SavedSessionError} when somebody has taken the lock away by force */
  mustHold(): void;
  /** Gives the lock back. */
  release(): void;
}

/** What a lock file says. */
interface Found {
  /** No two locks have the same. */
  readonly id: string;
  /** Undefined in a lock of version 0.1, which has a process id only, and in one that is torn. */
  readonly owner?: string;
  readonly pid?: number;
  /** When it was written. */
  readonly mtimeMs: number;
}

/** Locks of processes that died while they took over, and files that were being written. */
const LEFT_OVER = /^(?:lock\.after|\.journal|\.pages|\.session\.json)\./;
/** A lock that is longer is not one of ours. */
const MAX_BYTES = 512;
/** The text of a lock. */
const FORM = new RegExp(`^glm52 lock ([0-9a-f]{16}) of (${OWNER_FORM})\\n$`);
/**
 * A lock without a readable owner is either left over from a loss of power, or is being written in
 * this moment by version 0.1, which made it in two steps. After this time it is left over.
 */
const GRACE_MS = 1000;
/** Time between two looks at such a lock. */
const LOOK_MS = 20;
/** How often others may be faster before this one gives up. Each time one of them gets on. */
const MAX_ATTEMPTS = 10_000;

/**
 * Locks the session in `folder` for this process.
 *
 * @param where the session, for messages
 * @param force also takes over a lock whose owner cannot be seen from here
 * @throws {SavedSessionError} when another process has it open, or may have
 */
export function lockFolder(folder: string, where: string, force: boolean = false): Lock {
  return explained(where, () => {
    const id = randomId();
    const alive = openPipe(folder, id);
    const mine = join(folder, temporaryName("lock", "new"));
    try {
      writePrivate(mine, `glm52 lock ${id} of ${OWNER}\n`);
      acquire(folder, where, mine, force);
    } catch (error) {
      closePipe(alive);
      throw error;
    } finally {
      rmSync(mine, { force: true });
    }
    const release = (): void => {
      if (readLock(lockPath(folder))?.id === id) rmSync(lockPath(folder), { force: true });
      closePipe(alive);
    };
    try {
      tidy(folder);
    } catch (error) {
      release();
      throw error;
    }
    return { mustHold: () => mustHold(folder, where, id), release };
  });
}

/** Whether some process has the session in `folder` open, or may have. */
export function isLocked(folder: string): boolean {
  const found = readLock(lockPath(folder));
  return found !== undefined && stateOf(folder, lastOf(folder, found)) !== "dead";
}

function mustHold(folder: string, where: string, id: string): void {
  if (readLock(lockPath(folder))?.id === id) return;
  throw new SavedSessionError(where, "its lock was taken away from this process; nothing is saved");
}

/** Gives the private file `mine` the name of the lock; see the top of this file. */
function acquire(folder: string, where: string, mine: string, force: boolean): void {
  const path = lockPath(folder);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = readLock(path);
    if (!found) {
      if (isLinked(mine, path)) return;
      continue;
    }
    const last = lastOf(folder, found);
    if (last.owner === undefined && last.pid === undefined && isFresh(last, attempt)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
      continue;
    }
    mustBeDead(folder, where, last, force);
    const claim = claimPath(folder, last);
    if (!isLinked(mine, claim)) continue;
    if (readLock(path)?.id === found.id) {
      renameSync(mine, path);
      return;
    }
    rmSync(claim, { force: true });
  }
  throw new SavedSessionError(where, "other processes keep opening it; try again");
}

/** Links `mine` to `name`. Returns false when there is something of this name already. */
function isLinked(mine: string, name: string): boolean {
  try {
    linkSync(mine, name);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code ?? "")) throw error;
    const what = `a lock needs hard links, which this file system does not have (${code}); use --sessions DIR on another one`;
    throw new SavedSessionError(name, what, { cause: error });
  }
}

/** Follows the chain of processes that took over from each other and died before they were done. */
function lastOf(folder: string, first: Found): Found {
  let last = first;
  for (let length = 0; length < MAX_ATTEMPTS; length++) {
    const next = readLock(claimPath(folder, last));
    if (!next) return last;
    last = next;
  }
  throw new SavedSessionError(folder, "its locks follow each other without an end; remove them");
}

/** Whether a lock that names no owner may be one that is being written now. */
function isFresh({ mtimeMs }: Found, attempt: number): boolean {
  return Math.abs(Date.now() - mtimeMs) < GRACE_MS && attempt < GRACE_MS / LOOK_MS;
}

function mustBeDead(folder: string, where: string, lock: Found, force: boolean): void {
  const state = stateOf(folder, lock);
  if (state === "dead" || (state === "elsewhere" && force)) return;
  const pid = lock.owner === undefined ? lock.pid : pidOf(lock.owner);
  const what =
    state === "alive"
      ? `process ${pid} has it open`
      : `process ${pid}, which cannot be seen from here, has it open, or had when it ended: it is of another container or machine, or a permission is missing; if you know that it has ended, \`glm52 session unlock\` opens the lock`;
  throw new SavedSessionError(where, what);
}

function stateOf(folder: string, { owner, pid, id }: Found): "alive" | "dead" | "elsewhere" {
  if (owner === undefined) return pid === undefined ? "dead" : pidState(pid);
  const state = ownerState(owner);
  if (state !== "elsewhere" || !isSameKernel(owner)) return state;
  return pipeState(pipePath(folder, owner, id));
}

/** Reads a lock file; undefined when there is none. */
function readLock(path: string): Found | undefined {
  let file: number;
  try {
    file = openRegular(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(MAX_BYTES);
    const text = new TextDecoder().decode(bytes.subarray(0, readFully(file, 0, bytes)));
    const { ino, ctimeNs, mtimeMs } = fstatSync(file, { bigint: true });
    const [, id, owner] = FORM.exec(text) ?? [];
    if (id && owner) return { id, owner, mtimeMs: Number(mtimeMs) };
    const pid = /^[1-9]\d{0,9}$/.test(text) ? { pid: Number(text) } : {};
    return { id: `${ino}-${ctimeNs}`, mtimeMs: Number(mtimeMs), ...pid };
  } finally {
    closeSync(file);
  }
}

function writePrivate(path: string, text: string): void {
  const file = openSync(path, "wx");
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Removes what other processes left behind that had the lock and died. Only who has the lock may do
 * so: files that are written under its protection have no other owner now.
 */
function tidy(folder: string): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const isOver = name.startsWith(".lock.alive.") && pipeState(path) === "dead";
    if (isOver || LEFT_OVER.test(name)) rmSync(path, { force: true });
  }
  sweep(folder);
}

function lockPath(folder: string): string {
  return join(folder, "lock");
}

function claimPath(folder: string, { id }: Found): string {
  return join(folder, `lock.after.${id}`);
}
