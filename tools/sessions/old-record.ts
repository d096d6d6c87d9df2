/**
 * Records of version 0.1, which are read and no longer written. Each of them held all ids that were
 * not run yet, and the whole note.
 *
 * Next: journal.ts
 * @module
 */
import { type Change, isCount, isId, isKeptPage, isLogits, isRandomState } from "./record.ts";

/** A record of version 0.1 as a record of today, and the hash of what its session was made with. */
export interface OldRecord {
  readonly fingerprint: string;
  readonly change: Change;
  readonly nPending: number;
}

/**
 * Translates what was read from JSON.
 *
 * @throws {RangeError} that names the field that is wrong
 */
export function oldRecord(value: unknown): OldRecord {
  if (typeof value !== "object" || value === null) throw new RangeError("expected an object");
  const { fingerprint, nTokensKept, nPagesKept, tokens, pages, pending, random, logits, note } =
    value as Record<string, unknown>;
  if (typeof fingerprint !== "string") throw new RangeError("fingerprint: expected a text");
  if (!isCount(nTokensKept)) throw new RangeError("nTokensKept: expected a number");
  if (!isCount(nPagesKept)) throw new RangeError("nPagesKept: expected a number");
  const [ids, rest] = [listOf("tokens", tokens, isId), listOf("pending", pending, isId)];
  const kept = listOf("pages", pages, (page): page is { slot: number; crc: number } => {
    const { slot, crc } = (page ?? {}) as Record<string, unknown>;
    return isKeptPage(slot, crc);
  });
  if (random !== undefined && !isRandomState(random)) throw new RangeError("random: expected four");
  if (logits !== undefined && !isLogits(logits)) throw new RangeError("logits: expected base64");
  const change: Change = {
    text: [nTokensKept, [...ids, ...rest]],
    run: nTokensKept + ids.length,
    pages: [nPagesKept, kept.map(({ slot, crc }) => [slot, crc])],
    ...(random && { random }),
    ...(logits && { logits }),
    note: { whole: note ?? null },
  };
  return { fingerprint, change, nPending: rest.length };
}

function listOf<T>(field: string, value: unknown, isItem: (item: unknown) => item is T): T[] {
  if (Array.isArray(value) && value.every(isItem)) return value;
  throw new RangeError(`${field}: expected a list of them`);
}
