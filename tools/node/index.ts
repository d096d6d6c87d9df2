/**
 * The front door of Node and Deno.
 *
 * ```ts
 * import { open } from "glm52.ts/node";
 *
 * const glm = await open("demo-model"); //        or no argument: the model that ships
 * for await (const piece of glm.generate("Once upon a time", { maxTokens: 100 }))
 *   process.stdout.write(piece.text);
 * const reply = await glm.chat().say("Tell me a story.");
 * await glm.close(); //                           threads, files, memory
 * ```
 *
 * It has all of `glm52.ts`, with an `open` for folders. Saved sessions are in `glm52.ts/sessions`,
 * quantised and exported models in `glm52.ts/convert`, the golden judge in `glm52.ts/golden`.
 * @module glm52.ts/node
 */
export * from "../library/index.ts";
export { type FileCheckpoint, fileCheckpoint } from "./file-source.ts";
export { nodeHost } from "./node-host.ts";
export { type FolderStream, type OpenFolderOptions, open, openModel } from "./open.ts";
export type { OpenConfig } from "./open-config.ts";
export { type FileReceipt, type Receipt, readReceipt, type TensorReceipt } from "./receipt.ts";
export { type RowFile, rowFile } from "./row-file.ts";
export {
  type ReadCounts,
  type StreamFiles,
  type StreamOptions,
  streamFiles,
} from "./stream-files.ts";
export { UserError } from "./user-error.ts";
