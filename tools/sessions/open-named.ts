/**
 * Opens saved sessions of a model by name: the functions that a user of the library calls.
 *
 * Next: index.ts
 * @module
 */
import { resolve } from "node:path";
import { PAGE_ROWS, type PageFormat, pageLayout } from "../../engine/kv/page-layout.ts";
import type { Chat, ChatOptions } from "../library/chat.ts";
import type { Glm } from "../library/glm.ts";
import type { StartKeeper } from "../library/keeper.ts";
import type { TextSession, TimelineOptions } from "../library/text-session.ts";
import { UserError } from "../node/user-error.ts";
import { fingerprintOf, mustAgree } from "./fingerprint.ts";
import { tornText } from "./journal-reader.ts";
import { Saver } from "./save-as-it-goes.ts";
import { SavedSessionError } from "./session-error.ts";
import { readSessionFile, type SessionFile } from "./session-file.ts";
import { createSession, type OpenSession, openSession } from "./session-folder.ts";
import { checkName, defaultSessions, sessionNames } from "./session-names.ts";

/** Where a session is saved, and whom to inform. */
export interface NamedOptions {
  /** Folder of the sessions; `$GLM52_SESSIONS` or `~/.glm52/sessions` by default. */
  readonly sessions?: string | undefined;
  /** Is called with a sentence when the session had to be recovered after a crash. */
  readonly onRecovered?: ((what: string) => void) | undefined;
}

/** How to continue a text. The row formats must be those with which it was begun. */
export interface ResumeOptions extends NamedOptions, Omit<TimelineOptions, "draft" | "tier"> {
  /** Seed of the random numbers, if the session is new; 0 by default. */
  readonly seed?: number | undefined;
}

/** How to continue a conversation. */
export type ResumeChatOptions = NamedOptions & Omit<ChatOptions, "draft" | "tier">;

/**
 * Opens the saved text of this name, or begins a new one. It is saved every few seconds while it
 * grows, and after every `generate`.
 *
 * @throws {SavedSessionError} when it was made with another model, backend or number format, or
 *   when
 *   another process has it open
 */
export async function resume(
  glm: Glm,
  name: string,
  options: ResumeOptions = {},
): Promise<TextSession> {
  const opened = await openNamed(glm, name, "text", options, options.rows);
  return glm.session(options, saverOf(opened), options.seed);
}

/**
 * Opens the saved conversation of this name, or begins a new one; otherwise like {@link resume}.
 */
export async function resumeChat(
  glm: Glm,
  name: string,
  options: ResumeChatOptions = {},
): Promise<Chat> {
  const opened = await openNamed(glm, name, "chat", options, options.rows);
  return glm.chat(options, saverOf(opened));
}

/**
 * Returns a function that makes the keeper of an open saved session. The files are closed together
 * with the keeper, or when the keeper cannot be made.
 */
export function saverOf(opened: OpenSession): StartKeeper {
  return (session, seed) =>
    orClose(opened, () => new Saver(opened.saved, session, seed, opened.close));
}

/**
 * Opens the session `name`, or creates it, and locks it for this process. Throws the errors of
 * {@link resume}.
 */
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
  const chatTemplate = kind === "chat" ? glm.template.mark : undefined;
  const numbers = { backend, activations, latent, index, latentEps, chatTemplate };
  const made = await fingerprintOf(folder, numbers);
  if (!sessionNames(sessions).includes(checkName(name))) {
    const { rowsBytes, keysBytes } = pageLayout(config, config.indexerTypes, format);
    createSession(sessions, name, {
      kind,
      model: resolve(folder),
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
      `expected a session of the kind ${kind}, this one is a ${file.kind}`,
    );
  }
  mustAgree(name, file.made, made, { made: file.model, now: resolve(folder) });
  const session = openSession(sessions, name);
  return orClose(session, () => {
    const { state, rest } = session.saved;
    if (kind === "chat") mustBeConversation(name, state.note);
    if (rest.kind === "torn") {
      onRecovered?.(
        `session ${name}: ${tornText(rest)}; it continues after its first ${state.nRun} tokens`,
      );
    }
    return session;
  });
}

/** @throws {SavedSessionError} when a note is not what a conversation keeps */
function mustBeConversation(name: string, note: unknown): void {
  if (note === undefined) return;
  const { messages, nTurns } = (note ?? {}) as Partial<Record<string, unknown>>;
  const isMessage = (one: unknown): boolean =>
    typeof one === "object" && one !== null && typeof (one as { role?: unknown }).role === "string";
  if (Array.isArray(messages) && messages.every(isMessage) && Number.isSafeInteger(nTurns)) return;
  const what = "expected messages with roles and a number of turns in its journal, got others";
  throw new SavedSessionError(`session ${name}`, what);
}

/** Returns what `make` returns. If `make` throws, the session is closed first. */
function orClose<T>({ close }: OpenSession, make: () => T): T {
  try {
    return make();
  } catch (error) {
    close();
    throw error;
  }
}
