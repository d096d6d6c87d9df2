/**
 * The lock of version 0.1, which does not lock. The soak must find that out.
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";

/** Creates a lock file with the id of this process; replaces one that a dead process left. */
export function oldLock(folder: string, where: string): { release(): void } {
  const path = join(folder, "lock");
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (isAlive(Number(readFileSync(path, "utf8")))) {
        throw new SavedSessionError(where, "another process has it open");
      }
      rmSync(path, { force: true });
    }
  }
  throw new SavedSessionError(where, "another process has just opened it");
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
