/**
 * Names for files and folders that are there for a moment only, and the removal of those whose
 * process was killed in that moment. Each name says what it is for and who owns it:
 *
 * ```
 *   .tale.new.OWNER.RANDOM       a session that is being made
 *   .tale.removed.OWNER.RANDOM   a session that is being removed
 *   .journal.tmp.OWNER.RANDOM    a journal that is being written
 *   .lock.new.OWNER.RANDOM       a lock that has no name yet
 *   .lock.alive.OWNER.RANDOM     see ../sessions/alive-pipe.ts
 *   .output.tmp.OWNER.RANDOM     a file that a command writes
 *   .model.tmp.OWNER.RANDOM      a folder that a command writes
 * ```
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OWNER, OWNER_FORM, ownerState } from "./owner.ts";
import { systemCode } from "./system-code.ts";

const NAME = new RegExp(
  String.raw`^\..+\.(?:new|removed|tmp|alive)\.(${OWNER_FORM})\.[0-9a-f]{16}$`,
);

/** A new name for something temporary that this process owns. */
export function temporaryName(what: string, use: "new" | "removed" | "tmp"): string {
  return `.${what}.${use}.${OWNER}.${randomId()}`;
}

/** Sixteen random hexadecimal digits. */
export function randomId(): string {
  return randomBytes(8).toString("hex");
}

/** Removes what processes that are dead left behind in `folder`. Others are left alone. */
export function sweep(folder: string): void {
  for (const name of namesIn(folder)) {
    const owner = NAME.exec(name)?.[1];
    if (owner && ownerState(owner) === "dead") {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** The names in a folder; none when it is not there. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
