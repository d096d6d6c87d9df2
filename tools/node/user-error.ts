/**
 * The error of everything around the engine: files, folders, options.
 * @module
 */
import { GlmError } from "../../engine/index.ts";

/** Something that the user can put right; the message is all there is to say. */
export class UserError extends GlmError {
  override readonly name = "UserError";
  readonly code = "user";
}
