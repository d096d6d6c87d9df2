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

/** Work that takes longer than this shows how much time is left. */
const TIME_LEFT_AFTER_MS = 2000;

/**
 * Makes a progress line: `reading the prompt 43 % · 512 tok/s · 12 s left`. Where `out` cannot draw a line
 * again, it prints nothing.
 *
 * @param unit what a step is, when its rate says something to a person
 */
export function progressLine(
  out: Pick<TextOut, "canRedraw" | "control" | "columns">,
  label: string,
  unit?: string,
): Progress {
  if (!out.canRedraw) return { update: () => {}, end: () => {} };
  let drawn = false;
  let next = performance.now() + SHOWN_AFTER_MS;
  /** When this piece of work was first heard of, and how much of it was done then. */
  let begun: { readonly at: number; readonly done: number } | undefined;
  return {
    update: (done, total) => {
      const now = performance.now();
      begun ??= { at: now, done };
      if (now < next) return;
      next = now + REDRAW_EVERY_MS;
      drawn = true;
      const parts = [`${oneLine(label)} ${Math.floor((100 * done) / Math.max(1, total))} %`];
      const seconds = (now - begun.at) / 1000;
      const rate = (done - begun.done) / seconds;
      if (1000 * seconds > TIME_LEFT_AFTER_MS && rate > 0) {
        if (unit !== undefined) parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}/s`);
        parts.push(`${duration((total - done) / rate)} left`);
      }
      out.control(`${WIPE}${parts.join(" · ").slice(0, out.columns - 1)}`);
    },
    end: () => {
      if (drawn) out.control(WIPE);
      drawn = false;
      begun = undefined;
    },
  };
}

/** `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
