import { GlmError } from "../base/errors.ts";

/** A number, or a list of numbers, that a format cannot hold. */
export class EncodingError extends GlmError {
  override readonly name = "EncodingError";
  readonly code = "encoding";
}
