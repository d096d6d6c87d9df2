/**
 * The line on stderr that shows how far a long piece of work is.
 * @module
 */
import { oneLine } from "../library/one-line.ts";
import type { TextOut } from "./text-out.ts";

/** Work that ends sooner than this shows no line. */
const SHOWN_AFTER_MS = 300;

/** Shortest time between two drawings of the line. */
const REDRAW_EVERY_MS = 100;

/** To the start of the line, and wipe it. */
const WIPE = "\r\x1b[2K";

/** A line of text that is drawn again and again in the same place. */
export interface Progress {
  /** Shows that `done` of `total` steps are finished. */
  update(done: number, total: number): void;
  /** Wipes the line. */
  end(): void;
}

/** Makes a progress line. Where `out` cannot draw a line again, it prints nothing. */
export function progressLine(out: Pick<TextOut, "canRedraw" | "control">, label: string): Progress {
  if (!out.canRedraw) return { update: () => {}, end: () => {} };
  let drawn = false;
  let next = performance.now() + SHOWN_AFTER_MS;
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now < next) return;
      next = now + REDRAW_EVERY_MS;
      drawn = true;
      out.control(`${WIPE}${oneLine(label)} ${Math.floor((100 * done) / Math.max(1, total))} %`);
    },
    end: () => {
      if (drawn) out.control(WIPE);
      drawn = false;
    },
  };
}
