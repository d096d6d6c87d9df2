/**
 * The errors of the caches.
 * @module
 */
import { GlmError } from "../base/errors.ts";

/** A cache, or a part of one, was used in a way that it does not allow. */
export class CacheError extends GlmError {
  override readonly name = "CacheError";
  readonly code = "cache";

  /**
   * Checks that rows are appended at the end: elsewhere, stale or missing rows would be left.
   *
   * @throws {CacheError} when `start` is not `length`
   */
  static unlessAtEnd(what: string, start: number, length: number): void {
    if (start === length) return;
    throw new CacheError(
      `${what} cache`,
      `append at position ${start}, but ${length} rows are held`,
    );
  }
}

/** There is no room for the positions that were asked for. It is thrown before any work is done. */
export class CacheFullError extends GlmError {
  override readonly name = "CacheFullError";
  readonly code = "context";
}
