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
export {
  type NamedOptions,
  type ResumeChatOptions,
  type ResumeOptions,
  resume,
  resumeChat,
} from "./open-named.ts";
export { SavedSessionError } from "./session-error.ts";
export { forkSession, removeSession, unlockSession } from "./session-folder.ts";
export { defaultSessions, sessionNames } from "./session-names.ts";
export { type SessionSummary, sessionOverview, sessionSummary } from "./summary.ts";
export { type Verified, verifySession } from "./verify.ts";
