import type { TextOut } from "./terminal.ts";

/** Shorter work shows nothing. */
const SHOWN_AFTER_MS = 300;

/** Shortest time between two redraws, in milliseconds. */
const REDRAW = 100;

/** A line that is drawn over and over. */
export interface Progress {
  update(done: number, total: number): void;
  /** Wipes the line. */
  end(): void;
}

/** A progress line on a terminal; nothing at all where `out` is not one. */
export function progressLine(out: TextOut, label: string): Progress {
  if (!out.isTerminal) return { update: () => {}, end: () => {} };
  let drawn = false;
  let next = performance.now() + SHOWN_AFTER_MS;
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now < next) return;
      next = now + REDRAW;
      drawn = true;
      out.write(`\r\x1b[2K${label} ${Math.floor((100 * done) / Math.max(1, total))} %`);
    },
    end: () => {
      if (drawn) out.write("\r\x1b[2K");
      drawn = false;
    },
  };
}
