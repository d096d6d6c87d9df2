/**
 * The options `--session` and `--sessions`: which saved session a command continues. A session
 * that does not exist yet is begun.
 * @module
 */
import { Option } from "commander";
import type { Glm } from "../library/glm.ts";
import type { StartKeeper } from "../library/keeper.ts";
import type { TimelineOptions } from "../library/text-session.ts";
import { openNamed, saverOf } from "../sessions/open-named.ts";
import type { SessionFile } from "../sessions/session-file.ts";
import { defaultSessions } from "../sessions/session-names.ts";
import type { TextOut } from "./text-out.ts";
import { UsageError } from "./usage-error.ts";

/** The values of these options. */
export interface SessionChoice {
  readonly session?: string;
  readonly sessions: string;
}

/** `--session`: the name of the saved session. */
export function sessionOption(): Option {
  return new Option(
    "--session <name>",
    "continue this saved session, or begin it; `glm52 session --help` explains sessions",
  );
}

/** `--sessions`: the folder in which sessions are saved. */
export function sessionsOption(): Option {
  return new Option("--sessions <dir>", "folder in which sessions are saved").default(
    defaultSessions(),
    "$GLM52_SESSIONS or ~/.glm52/sessions",
  );
}

/**
 * The keeper that loads and saves the session that the options name, or undefined when they name
 * none. When the session had to be recovered after a crash, a line on stderr says so.
 *
 * @throws {UserError} for options that cannot be used with a session
 * @throws {SavedSessionError} when the session was made with other options or by the other command,
 *   or is in use by another process
 */
export async function keeperOf(
  glm: Glm,
  kind: SessionFile["kind"],
  { session, sessions }: SessionChoice,
  { draft = 0, rows }: TimelineOptions,
  stderr: Pick<TextOut, "write">,
): Promise<StartKeeper | undefined> {
  if (session === undefined) return undefined;
  if (draft > 0) {
    throw new UsageError("--session", "cannot be used with --draft: the draft head is not saved");
  }
  const onRecovered = (what: string) => stderr.write(`${what}\n`);
  return saverOf(await openNamed(glm, session, kind, { sessions, onRecovered }, rows));
}
