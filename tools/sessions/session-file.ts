/**
 * session.json: what a session was made with. It is written once, when the session is made. The
 * journal holds the same, with a checksum, so that a change of either is noticed.
 *
 * Next: record.ts
 * @module
 */
import { join } from "node:path";
import { systemCode } from "../node/system-code.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { readSmall } from "./regular-file.ts";
import { SavedSessionError } from "./session-error.ts";
import { checkName } from "./session-names.ts";

/** The version of session.json that this engine writes and reads. */
const VERSION = 1;
/** The most bytes that a session.json may have. */
const MAX_BYTES = 2 ** 20;
/** The most rows that a page may have, and the most bytes. */
const MAX_PAGE = 2 ** 31;

/** The content of session.json. */
export interface SessionFile {
  readonly version: number;
  /** What the session is: a text, for `glm52 run`, or a conversation, for `glm52 chat`. */
  readonly kind: "text" | "chat";
  /** The model's folder, as information for people. */
  readonly model: string;
  readonly created: string;
  /** What the session was made with. */
  readonly made: Fingerprint;
  /** Number of positions in a page. */
  readonly pageRows: number;
  /** Number of bytes of a page. */
  readonly pageBytes: number;
}

/** What makes a session.json complete. */
export function sessionFile(file: Omit<SessionFile, "version">): SessionFile {
  return { version: VERSION, ...file };
}

/** The bytes of a session.json. */
export function sessionFileBytes(file: SessionFile): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * Reads the session.json of a session.
 *
 * @throws {SavedSessionError} when there is no session of this name, or its file is not valid
 */
export function readSessionFile(folder: string, name: string): SessionFile {
  const path = join(folder, checkName(name), "session.json");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(readSmall(path, MAX_BYTES)));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new SavedSessionError(path, "expected JSON, got other bytes", { cause: error });
    }
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    throw new SavedSessionError(`session ${name}`, `there is none in ${folder}`);
  }
  return checkedSessionFile(path, value);
}

/**
 * Returns `value` if it is the content of a session.json.
 *
 * @throws {SavedSessionError} that names the field that is wrong
 */
export function checkedSessionFile(where: string, value: unknown): SessionFile {
  const fail = (what: string): never => {
    throw new SavedSessionError(where, what);
  };
  if (typeof value !== "object" || value === null) return fail("expected an object of settings");
  const file = value as Partial<Record<keyof SessionFile, unknown>>;
  if (file.version !== VERSION) fail(`expected version ${VERSION}, got ${shown(file.version)}`);
  if (file.kind !== "text" && file.kind !== "chat") {
    fail(`kind: expected "text" or "chat", got ${shown(file.kind)}`);
  }
  for (const key of ["model", "created"] as const) {
    if (typeof file[key] !== "string") fail(`${key}: expected a text, got ${shown(file[key])}`);
  }
  for (const key of ["pageRows", "pageBytes"] as const) {
    const number = file[key];
    if (!Number.isInteger(number) || !((number as number) > 0 && (number as number) < MAX_PAGE)) {
      fail(`${key}: expected a whole number above 0, got ${shown(number)}`);
    }
  }
  const { made } = file;
  const isTexts = typeof made === "object" && made !== null && !Array.isArray(made);
  if (!isTexts || Object.values(made).some((entry) => typeof entry !== "string")) {
    fail(`made: expected names and texts, got ${shown(made)}`);
  }
  return file as SessionFile;
}

/**
 * Checks that session.json says what the journal says. What is in it for people may differ.
 *
 * @throws {SavedSessionError} when it does not
 */
export function mustMatch(name: string, found: SessionFile, recorded: SessionFile): void {
  const { model, created } = recorded;
  const what = differences({ ...found, model, created }, recorded);
  if (what === "") return;
  const way =
    "the journal has a checksum, so session.json was changed; `glm52 session verify --repair` writes it again";
  throw new SavedSessionError(name, `${what}; ${way}`);
}

/** The names and values in which two session.json differ, as a sentence; empty when they agree. */
export function differences(found: SessionFile, recorded: SessionFile): string {
  const flat = ({ made, ...others }: SessionFile): Record<string, unknown> => ({
    ...others,
    ...Object.fromEntries(Object.entries(made).map(([key, value]) => [`made.${key}`, value])),
  });
  const [a, b] = [flat(found), flat(recorded)];
  return Object.keys({ ...a, ...b })
    .filter((key) => a[key] !== b[key])
    .map((key) => `${key} is ${shown(a[key])} in session.json, ${shown(b[key])} in the journal`)
    .join("; ");
}

/** A value as JSON, cut to a length that fits into a sentence. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
