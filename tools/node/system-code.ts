import { isExplained } from "../../engine/index.ts";

/**
 * The code of an error of the operating system, such as `ENOENT`, also behind a sentence about it;
 * otherwise undefined.
 */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return code;
  return isExplained(error) ? systemCode(error.cause) : undefined;
}
