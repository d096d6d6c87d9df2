/** Thrown when checkpoint files are malformed, or do not hold what the config implies. */
export class WeightsError extends Error {
  override readonly name = "WeightsError";
}
