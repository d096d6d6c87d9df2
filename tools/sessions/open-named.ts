/**
 * Saved sessions of an open model, by name.
 *
 * Next: index.ts
 * @module
 */
import { PAGE_ROWS, type PageFormat, pageLayout } from "../../engine/kv/page-layout.ts";
import type { Chat, ChatOptions } from "../library/chat.ts";
import type { Glm } from "../library/glm.ts";
import type { StartKeeper } from "../library/keeper.ts";
import type { TextSession, TimelineOptions } from "../library/text-session.ts";
import { UserError } from "../node/user-error.ts";
import { fingerprintOf, mustAgree } from "./fingerprint.ts";
import { Saver } from "./save-as-it-goes.ts";
import {
  createSession,
  defaultSessions,
  type OpenSession,
  openSession,
  readSessionFile,
  type SessionFile,
  sessionNames,
} from "./session-folder.ts";

/** Where a session is, and who is told what. */
export interface NamedOptions {
  /** Folder of the sessions; `GLM52_SESSIONS` or `~/.glm52/sessions` by default. */
  readonly sessions?: string | undefined;
  /** Told when the session had to be recovered: a sentence. */
  readonly onRecovered?: ((what: string) => void) | undefined;
}

/** How a text is gone on with. The row formats must be those that it was begun with. */
export interface ResumeOptions extends NamedOptions, Omit<TimelineOptions, "draft" | "tier"> {
  /** Seed of the random numbers of a session that begins here; 0 by default. */
  readonly seed?: number | undefined;
}

/** The same for a conversation. */
export type ResumeChatOptions = NamedOptions & Omit<ChatOptions, "draft" | "tier">;

/**
 * Goes on with the text of this name, or begins it. It is saved as it goes: every few seconds, and
 * after every `generate`.
 *
 * @throws {SavedSessionError} when it was made with another model or other numbers, or another process
 *   has it open
 */
export async function resume(
  glm: Glm,
  name: string,
  options: ResumeOptions = {},
): Promise<TextSession> {
  const opened = await openNamed(glm, name, "text", options, options.rows);
  return glm.session(options, saverOf(opened), options.seed);
}

/** The same for a conversation: {@link resume}. */
export async function resumeChat(
  glm: Glm,
  name: string,
  options: ResumeChatOptions = {},
): Promise<Chat> {
  const opened = await openNamed(glm, name, "chat", options, options.rows);
  return glm.chat(options, saverOf(opened));
}

/** Makes the keeper of a session that is open. Its files are closed with it, or when it cannot begin. */
export function saverOf(opened: OpenSession): StartKeeper {
  return (session, seed) =>
    orClose(opened, () => new Saver(opened.saved, session, seed, opened.close));
}

/** Opens or makes the session `name` for this process alone. Errors as {@link resume}. */
export async function openNamed(
  glm: Glm,
  name: string,
  kind: SessionFile["kind"],
  { sessions = defaultSessions(), onRecovered }: NamedOptions,
  rows: Partial<PageFormat> = {},
): Promise<OpenSession> {
  const { folder, backend, latentEps } = glm.source;
  if (folder === undefined) throw new UserError(name, "expected a model that lies in a folder");
  const { config, ops } = glm.model;
  const format = { latent: ops.precision, index: ops.precision, pageRows: PAGE_ROWS, ...rows };
  const { latent, index } = format;
  const { activations } = ops;
  const made = await fingerprintOf(folder, { backend, activations, latent, index, latentEps });
  if (!sessionNames(sessions).includes(name)) {
    const { rowsBytes, keysBytes } = pageLayout(config, config.indexerTypes, format);
    createSession(sessions, name, {
      kind,
      model: folder,
      created: new Date().toISOString(),
      made,
      pageRows: format.pageRows,
      pageBytes: rowsBytes + keysBytes,
    });
  }
  const file = readSessionFile(sessions, name);
  if (file.kind !== kind) {
    throw new UserError(
      `session ${name}`,
      `expected a ${kind} to go on with, it is a ${file.kind}`,
    );
  }
  mustAgree(name, file.made, made);
  const session = openSession(sessions, name);
  const { state, nDropped } = session.saved;
  if (nDropped > 0) {
    onRecovered?.(
      `session ${name}: its last ${nDropped} bytes are no whole record; it goes on from what was committed before, ${state.tokens.length} tokens`,
    );
  }
  return session;
}

/** What `make` makes; when it throws, the session is let go. */
function orClose<T>({ close }: OpenSession, make: () => T): T {
  try {
    return make();
  } catch (error) {
    close();
    throw error;
  }
}
