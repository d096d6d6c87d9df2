/**
 * The names of sessions, and where sessions are.
 *
 * Next: session-file.ts
 * @module
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { namesIn } from "../node/temporaries.ts";
import { UserError } from "../node/user-error.ts";
import { explained } from "./session-error.ts";

/** Names that Windows gives to devices, with any ending. */
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** The default folder of sessions: `$GLM52_SESSIONS`, or a folder in the user's home. */
export function defaultSessions(): string {
  const { GLM52_SESSIONS } = process.env;
  return GLM52_SESSIONS ?? join(homedir(), ".glm52", "sessions");
}

/**
 * Returns `name` if a session can have this name on every system: letters that no file system
 * writes in two ways, no path, no dot at the end, which Windows drops, and no name of a device.
 *
 * @throws {UserError} otherwise
 */
export function checkName(name: string): string {
  const isName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$/.test(name);
  if (isName && !DEVICES.test(name)) return name;
  const got = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  const what = isName
    ? `expected a name that is no device on any system, got ${got}`
    : `expected a name of at most 64 letters (A to Z), digits, ".", "_" and "-", which begins with a letter or a digit and does not end with ".", got ${got}`;
  throw new UserError("session", what);
}

/** The names of all sessions in a folder, sorted. If the folder does not exist, there are none. */
export function sessionNames(folder: string): string[] {
  return explained(folder, () => namesIn(folder))
    .filter((name) => !name.startsWith(".") && existsSync(join(folder, name, "session.json")))
    .sort();
}
