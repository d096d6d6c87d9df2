/**
 * The options `--session` and `--sessions`: which saved session a command continues. A session
 * that does not exist yet is begun. What reads and writes sessions is loaded for those who name one.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Glm } from "../library/glm.ts";
import type { StartKeeper } from "../library/keeper.ts";
import type { TimelineOptions } from "../library/text-session.ts";
import { UserError } from "../node/user-error.ts";
import type { SessionFile } from "../sessions/session-file.ts";
import { checkName, defaultSessions, sessionNames } from "../sessions/session-names.ts";
import type { GenerationOptions } from "./generation-options.ts";
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

/** What the choices of a session are called on the command line, and by commander. */
const CHOSEN = ["model", "backend", "activations", "kvType", "indexType", "latentEps"] as const;

/**
 * The options of a command that goes on with a session that exists: the model and the choices that were
 * not given on the command line are those with which the session was made.
 *
 * @throws {UserError} when the model is no longer where it was, and no other is given
 */
export async function asSaved<T extends Partial<SessionChoice> & Partial<GenerationOptions>>(
  options: T,
  command: Pick<Command, "getOptionValueSource">,
): Promise<T> {
  const { session, sessions = defaultSessions() } = options;
  if (session === undefined || !sessionNames(sessions).includes(checkName(session))) return options;
  const { readSessionFile } = await import("../sessions/session-file.ts");
  const { choicesOf } = await import("../sessions/fingerprint.ts");
  const { model, made } = readSessionFile(sessions, session);
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === "cli";
  if (!isGiven("model") && !(await stat(join(model, "config.json")).catch(() => undefined))) {
    const what = `its model was in ${model}, where there is none now; give its folder with --model`;
    throw new UserError(`session ${session}`, what);
  }
  const saved: Record<string, unknown> = { model, ...choicesOf(made) };
  const kept = CHOSEN.filter((name) => !isGiven(name) && saved[name] !== undefined);
  return { ...options, ...Object.fromEntries(kept.map((name) => [name, saved[name]])) };
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
  const { openNamed, saverOf } = await import("../sessions/open-named.ts");
  const onRecovered = (what: string) => stderr.write(`${what}\n`);
  return saverOf(await openNamed(glm, session, kind, { sessions, onRecovered }, rows));
}
