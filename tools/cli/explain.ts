import { isExplained } from "../../engine/index.ts";

/** What to print for a thrown value: a sentence, or the whole stack of a mistake in the program. */
export function explain(error: unknown): string {
  if (isExplained(error) || isSystemError(error)) return error.message;
  return `unexpected ${error instanceof Error ? error.stack : String(error)}`;
}

/** From the operating system: no such file, no space, no permission, … */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "code" in error;
}
