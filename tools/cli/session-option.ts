/**
 * `--session NAME`: the saved session that a command goes on with, made when there is none.
 * @module
 */
import { Option } from "commander";
import type { Glm } from "../library/glm.ts";
import type { StartKeeper } from "../library/keeper.ts";
import type { TimelineOptions } from "../library/text-session.ts";
import { UserError } from "../node/user-error.ts";
import { openNamed, saverOf } from "../sessions/open-named.ts";
import { defaultSessions, type SessionFile } from "../sessions/session-folder.ts";
import type { TextOut } from "./terminal.ts";

/** The values of these options. */
export interface SessionChoice {
  readonly session?: string;
  readonly sessions: string;
}

/** The name. */
export function sessionOption(): Option {
  return new Option("--session <name>", "go on with this saved session, or begin it; see session");
}

/** The folder that the names are in. */
export function sessionsOption(): Option {
  return new Option("--sessions <dir>", "folder of saved sessions").default(
    defaultSessions(),
    "$GLM52_SESSIONS or ~/.glm52/sessions",
  );
}

/**
 * The keeper of the session that the options name, or undefined when they name none. Says on stderr
 * when the session had to be recovered.
 *
 * @throws {UserError} for options that do not go with a session
 * @throws {SavedSessionError} when it was made with other options or for the other command, or
 *   another process has it
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
    throw new UserError("--session", "the draft head is not saved, so --draft does not go with it");
  }
  const onRecovered = (what: string) => stderr.write(`${what}\n`);
  return saverOf(await openNamed(glm, session, kind, { sessions, onRecovered }, rows));
}
