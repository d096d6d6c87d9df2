/**
 * Finds stop strings in a text that comes piece by piece.
 * @module
 */
import { ArgumentError } from "../base/errors.ts";

/**
 * Passes text on until one of the stop strings appears. The end of the text so far is held back
 * while it may be the beginning of a stop string. The stop string itself is not passed on.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";
  #found: string | undefined;

  constructor(stops: readonly string[]) {
    if (stops.some((stop) => stop === "")) throw new ArgumentError("stop strings", "an empty one");
    this.#stops = stops;
  }

  /** Whether a stop string has appeared. */
  get stopped(): boolean {
    return this.#found !== undefined;
  }

  /** The stop string that has appeared, if one has. */
  get found(): string | undefined {
    return this.#found;
  }

  /** Takes the next piece. Returns the text that certainly comes before any stop string. */
  push(piece: string): string {
    if (this.stopped) return "";
    const text = this.#held + piece;
    // The stop string that ends first is taken, so that the result does not depend on the pieces.
    const [first] = this.#stops
      .map((stop) => ({ stop, start: text.indexOf(stop), end: text.indexOf(stop) + stop.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.end - b.end || a.start - b.start);
    if (first) {
      this.#found = first.stop;
      this.#held = "";
      return text.slice(0, first.start);
    }
    const nHeld = Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - nHeld);
    return text.slice(0, text.length - nHeld);
  }

  /** Ends the text, and returns what is still held back. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

/** The length of the longest end of `text` that is a beginning of `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) {
    if (text.endsWith(stop.slice(0, n))) return n;
  }
  return 0;
}
