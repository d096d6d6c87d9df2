/**
 * Keeps the rows of an engine's texts from one run to the next.
 *
 * Next: kept-file.ts
 * @module
 */
import type { PagePool, Scheduler } from "../../../engine/index.ts";
import { openKept, textsThatFit, writeKept } from "./kept-file.ts";

/** What was found, and how to write the rows again. */
export interface KeptRun {
  /** Tokens of the file, common beginnings counted once. */
  readonly inFile: number;
  /** Those of them that there is room for. */
  readonly nTokens: number;
  /** Writes what is kept by now. */
  readonly save: () => Promise<void>;
}

/**
 * Gives a scheduler the rows of a file, if there is one.
 *
 * @param fingerprint says of which model, and in which numbers, the rows are
 * @throws {UserError} when the file is of another model, or is not whole
 */
export function keepRows(
  path: string,
  fingerprint: string,
  scheduler: Scheduler,
  pool: PagePool,
): KeptRun {
  const { rowsBytes, keysBytes, format } = pool.layout;
  const pageBytes = rowsBytes + keysBytes;
  const file = openKept(path, { fingerprint, pageBytes });
  const texts = file?.texts ?? [];
  const chosen = textsThatFit(texts, pool.maxPages);
  try {
    for (const { tokens, pages } of chosen) {
      scheduler.keep(tokens, (i) => file?.bytesOf(pages[i]) ?? new Uint8Array());
    }
  } finally {
    file?.close();
  }
  const tokensOf = (some: typeof texts) =>
    new Set(some.flatMap(({ pages }) => pages)).size * format.pageRows;
  return {
    inFile: tokensOf(texts),
    nTokens: tokensOf(chosen),
    save: () =>
      writeKept(path, {
        fingerprint,
        pageBytes,
        texts: scheduler.kept,
        bytesOf: (page) => pool.bytesOf(page),
      }),
  };
}
