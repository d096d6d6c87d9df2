/**
 * Who gets how many rows of the next step.
 *
 * Each text that is being written gets one row, for its newest token: they are what readers wait for. Prompts
 * share what is left of the step, so that a long prompt is read in many steps and delays each token of the
 * others only a little. The share decides when a row is run, never what comes of it.
 *
 * Next: scheduler.ts
 * @see Sarathi-Serve, arXiv 2403.02310 (chunked prefill mixed with decoding)
 * @module
 */
import type { Line } from "./line.ts";

/** A line, and how many rows of the next step it gets. */
export interface RowShare {
  readonly line: Line;
  readonly nRows: number;
}

/** What a step may hold. */
export interface StepSize {
  /** The most texts that get a row for their newest token; above it, they take turns. */
  readonly maxRows: number;
  /** About how many rows a step has. Each prompt gets one at least, so there can be more. */
  readonly stepRows: number;
}

/**
 * Shares out the next step: first the texts that are being written, those that waited longest first, then
 * the prompts. What is left for these is shared out evenly, so that a short one does not wait for a long one.
 *
 * @param lines those that run, the oldest first
 */
export function shareRows(lines: readonly Line[], { maxRows, stepRows }: StepSize): RowShare[] {
  const decoding = lines
    .filter((line) => line.isDecoding)
    .sort((a, b) => a.lastStep - b.lastStep)
    .slice(0, maxRows)
    .map((line) => ({ line, nRows: 1 }));
  const reading = lines.filter((line) => !line.isDecoding && line.nMissing > 0);
  const shares = new Map(reading.map((line) => [line, 1]));
  let left = stepRows - decoding.length - reading.length;
  const byNeed = [...reading].sort((a, b) => nUnread(a) - nUnread(b));
  for (const [i, line] of byNeed.entries()) {
    const more = Math.min(nUnread(line) - 1, Math.floor(left / (byNeed.length - i)));
    if (more <= 0) continue;
    shares.set(line, 1 + more);
    left -= more;
  }
  return [...decoding, ...[...shares].map(([line, nRows]) => ({ line, nRows }))];
}

/**
 * Tokens that a line has yet to read. The newest token of a text that is read again is none of them: it has
 * a step of its own, with guesses, as it has alone.
 */
function nUnread({ chooser, nMissing }: Line): number {
  return chooser.nChosen > 0 ? nMissing - 1 : nMissing;
}
