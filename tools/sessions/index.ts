/**
 * Saved sessions: texts and conversations that are kept on disk, and that another process can
 * continue.
 *
 * ```ts
 * import { open } from "glm52.ts/node";
 * import { resume } from "glm52.ts/sessions";
 *
 * const glm = await open();
 * const tale = await resume(glm, "tale");
 * for await (const { text } of tale.generate("Once upon a time")) process.stdout.write(text);
 * tale.close();
 * ```
 * @module glm52.ts/sessions
 */
export { SavedSessionError } from "./journal.ts";
export {
  type NamedOptions,
  type ResumeChatOptions,
  type ResumeOptions,
  resume,
  resumeChat,
} from "./open-named.ts";
export {
  defaultSessions,
  forkSession,
  removeSession,
  sessionNames,
} from "./session-folder.ts";
export { type SessionSummary, sessionSummary, type Verified, verifySession } from "./summary.ts";
