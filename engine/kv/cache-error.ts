import { GlmError } from "../errors.ts";

/** The caches and the step disagree about where the timeline ends. */
export class CacheError extends GlmError {
  override readonly name = "CacheError";
  readonly code = "cache";

  /** Rows are only ever appended: writing elsewhere would leave stale or missing rows. */
  static unlessAtEnd(what: string, start: number, length: number): void {
    if (start === length) return;
    throw new CacheError(
      `${what} cache`,
      `append at position ${start}, but ${length} rows are held`,
    );
  }
}

/** More positions were asked for than the session has room for. Thrown before any work. */
export class CacheFullError extends GlmError {
  override readonly name = "CacheFullError";
  readonly code = "context";
}
