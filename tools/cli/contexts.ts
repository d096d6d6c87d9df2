/**
 * Checks lengths of context that were given on the command line.
 * @module
 */
import type { ModelConfig } from "../../engine/index.ts";
import { UsageError } from "./usage-error.ts";

/** @throws {UsageError} about `option` when a context is longer than the model can read */
export function checkContexts(
  option: string,
  contexts: readonly number[],
  { maxPositionEmbeddings: most }: Pick<ModelConfig, "maxPositionEmbeddings">,
): void {
  const tooLong = contexts.find((n) => n > most);
  if (tooLong === undefined) return;
  throw new UsageError(option, `expected at most ${most} (the model's longest), got ${tooLong}`);
}
