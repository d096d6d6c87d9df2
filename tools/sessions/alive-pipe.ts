/**
 * How a process in a container shows the processes of other containers that it lives.
 *
 * A container counts its own process ids, so nobody outside can ask for one of them. But a pipe in a
 * folder that both see can be opened for writing only while somebody has it open for reading, and
 * the kernel closes it when that process ends, however it ends. So a process in a container makes a
 * pipe beside its lock, and holds it open. This works between containers on one running kernel.
 *
 * Next: lock.ts
 * @module
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IN_CONTAINER, OWNER } from "../node/owner.ts";
import { systemCode } from "../node/system-code.ts";

/** A pipe that this process holds open. */
export interface AlivePipe {
  readonly path: string;
  readonly file: number;
}

/** Where the pipe of an owner's lock is. */
export function pipePath(folder: string, owner: string, id: string): string {
  return join(folder, `.lock.alive.${owner}.${id}`);
}

/**
 * Makes a pipe for the lock `id` of this process, if it is in a container, and opens it. Node cannot
 * make a pipe, so a program of the system does. Where there is none, processes of other containers
 * cannot tell whether this one lives, and do not take its lock over.
 */
export function openPipe(folder: string, id: string): AlivePipe | undefined {
  if (!IN_CONTAINER) return undefined;
  const path = pipePath(folder, OWNER, id);
  try {
    if (spawnSync("mkfifo", ["-m", "600", path]).status !== 0) return undefined;
    return { path, file: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) };
  } catch {
    return undefined;
  }
}

/** Removes a pipe. */
export function closePipe(pipe: AlivePipe | undefined): void {
  if (!pipe) return;
  rmSync(pipe.path, { force: true });
  closeSync(pipe.file);
}

/** Whether the process lives that holds this pipe open; "elsewhere" when there is no such pipe. */
export function pipeState(path: string): "alive" | "dead" | "elsewhere" {
  const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    const file = openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    const isPipe = fstatSync(file).isFIFO();
    closeSync(file);
    return isPipe ? "alive" : "elsewhere";
  } catch (error) {
    return systemCode(error) === "ENXIO" ? "dead" : "elsewhere";
  }
}
