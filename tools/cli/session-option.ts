/**
 * `--session NAME`: the saved session that a command goes on with, made when there is none.
 * @module
 */

import { Option } from "commander";
import { PAGE_ROWS, pageLayout } from "../../engine/kv/page-layout.ts";
import { openConfig } from "../node/open-model.ts";
import { demoModel } from "../node/our-package.ts";
import { UserError } from "../node/user-error.ts";
import { fingerprintOf, mustAgree } from "../sessions/fingerprint.ts";
import {
  createSession,
  defaultSessions,
  type OpenSession,
  openSession,
  readSessionFile,
  type SessionFile,
  sessionNames,
} from "../sessions/session-folder.ts";
import type { GenerationOptions } from "./generation-options.ts";
import type { TextOut } from "./terminal.ts";

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
 * Opens or makes the session `name`, and says on stderr when it had to be recovered.
 *
 * @throws {UserError} for options that do not go with a session
 * @throws {SavedSessionError} when it was made with other options or for the other command, or
 *   another process has it
 */
export async function openNamed(
  name: string,
  kind: SessionFile["kind"],
  options: GenerationOptions & { readonly sessions: string },
  stderr: Pick<TextOut, "write">,
): Promise<OpenSession> {
  const { sessions } = options;
  if (options.draft > 0) {
    throw new UserError("--session", "the draft head is not saved, so --draft does not go with it");
  }
  const folder = options.model ?? (await demoModel());
  const made = await fingerprintOf(folder, options);
  if (!sessionNames(sessions).includes(name)) {
    const { config } = await openConfig(folder);
    const format = { latent: options.kvType, index: options.indexType, pageRows: PAGE_ROWS };
    const { rowsBytes, keysBytes } = pageLayout(config, config.indexerTypes, format);
    createSession(sessions, name, {
      kind,
      model: folder,
      created: new Date().toISOString(),
      made,
      pageRows: PAGE_ROWS,
      pageBytes: rowsBytes + keysBytes,
    });
  }
  const file = readSessionFile(sessions, name);
  if (file.kind !== kind) {
    throw new UserError(
      `session ${name}`,
      `it is a ${file.kind}, this command goes on with a ${kind}`,
    );
  }
  mustAgree(name, file.made, made);
  const session = openSession(sessions, name);
  const { state, nDropped } = session.saved;
  if (nDropped > 0) {
    stderr.write(
      `session ${name}: its last ${nDropped} bytes are no whole record; it goes on from what was committed before, ${state.tokens.length} tokens\n`,
    );
  }
  return session;
}
