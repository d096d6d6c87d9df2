/**
 * Stop strings over a stream of text pieces.
 * @module
 */
import { ArgumentError } from "../errors.ts";

/**
 * Lets text through until one of the stop strings appears, and holds back any tail that might be
 * the beginning of one. The stop string itself is not let through.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";
  #stopped = false;

  constructor(stops: readonly string[]) {
    if (stops.some((stop) => stop === "")) throw new ArgumentError("stop strings", "an empty one");
    this.#stops = stops;
  }

  /** Whether a stop string has appeared. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next piece; returns the text that is now certain to come before any stop string. */
  push(piece: string): string {
    if (this.#stopped) return "";
    const text = this.#held + piece;
    // The stop string that is complete first wins, so that the cut of the pieces does not matter.
    const [first] = this.#stops
      .map((stop) => ({ start: text.indexOf(stop), end: text.indexOf(stop) + stop.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.end - b.end || a.start - b.start);
    if (first) {
      this.#stopped = true;
      this.#held = "";
      return text.slice(0, first.start);
    }
    const nHeld = Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - nHeld);
    return text.slice(0, text.length - nHeld);
  }

  /** The text still held back, when no more will come. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

/** Length of the longest end of `text` that begins `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) {
    if (text.endsWith(stop.slice(0, n))) return n;
  }
  return 0;
}
