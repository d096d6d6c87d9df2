import { GlmError } from "../base/errors.ts";

/** The files of a checkpoint are malformed, or do not hold what the config implies. */
export class WeightsError extends GlmError {
  override readonly name = "WeightsError";
  readonly code = "checkpoint";
}
