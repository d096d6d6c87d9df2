/**
 * The places in the file of pages.
 *
 * Next: saved-session.ts
 * @module
 */
import type { KeptPage } from "./record.ts";

/** Places begin at multiples of this many bytes. */
const BLOCK = 4096;

/** The size of a place. */
export function slotBytes(pageBytes: number): number {
  return Math.ceil(pageBytes / BLOCK) * BLOCK;
}

/** Returns a function that gives the next place that no page uses. */
export function freeSlots(pages: readonly KeptPage[]): () => number {
  const taken = new Set(pages.map(({ slot }) => slot));
  let next = 0;
  return () => {
    while (taken.has(next)) next++;
    return next++;
  };
}
