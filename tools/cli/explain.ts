import { isExplained } from "../../engine/index.ts";
import { oneLine } from "../library/one-line.ts";

/**
 * The text to print for a thrown value. An error that was foreseen is one sentence; any other one
 * is a mistake in the program, and prints its whole stack.
 */
export function explain(error: unknown): string {
  if (isExplained(error) || isSystemError(error)) return oneLine(error.message);
  return `unexpected ${error instanceof Error ? error.stack : String(error)}`;
}

/** True for an error of the operating system: no such file, no space, no permission, … */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "code" in error;
}
