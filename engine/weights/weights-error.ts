import { GlmError } from "../errors.ts";

/** Thrown when checkpoint files are malformed, or do not hold what the config implies. */
export class WeightsError extends GlmError {
  override readonly name = "WeightsError";
  readonly code = "checkpoint";
}
