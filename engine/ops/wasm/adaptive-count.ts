/**
 * How many threads share the work just now.
 *
 * Every product waits for its slowest thread. While another process keeps a core busy, some thread gets a core only
 * from time to time, and the others wait for it most of the time. So the thread that hands out the work measures
 * how long it waits. When fewer threads would be faster, one is left out for a while, and then it is tried again.
 * The results do not depend on it, because no result depends on the number of threads.
 *
 * Next: team.ts
 * @module
 */

/** A judgement is made of so many milliseconds: several slices of a scheduler's time. */
const LOOK_MS = 30;
/** For how long a late thread is left out at first. */
const FIRST_PAUSE_MS = 100;
/** The pause is doubled as long as the thread is late again, up to this. */
const LONGEST_PAUSE_MS = 3000;
/** Even when others are on time, shares are not quite equal; up to this part of the work is no lateness. */
const UNEQUAL = 1 / 2;

/** The number of threads to use, from one measured work to the next. */
export class AdaptiveCount {
  readonly #most: number;
  #count: number;
  #worked = 0;
  #waited = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /** With so many threads, one was late. */
  #lateAt = 0;
  /** When one more thread is tried. */
  #tryAt = 0;

  /** @param most how many threads there are */
  constructor(most: number) {
    this.#most = most;
    this.#count = most;
  }

  /** How many threads share the next work. */
  at(now: number): number {
    if (this.#count < this.#most && now >= this.#tryAt) this.#change(this.#count + 1);
    return this.#count;
  }

  /**
   * Learns from a work that was shared.
   *
   * @param worked milliseconds that this thread took for its own share
   * @param waited milliseconds that it then waited for the others
   */
  took(worked: number, waited: number, now: number): void {
    this.#worked += worked;
    this.#waited += waited;
    if (this.#worked + this.#waited < LOOK_MS) return;
    // Without one of n threads, each of the others does 1 / (n − 1) more.
    const bearable = Math.max(1 / (this.#count - 1), UNEQUAL) * this.#worked;
    if (this.#waited > bearable) {
      this.#lateAt = this.#count;
      this.#change(this.#count - 1);
      this.#tryAt = now + this.#pauseMs;
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      return;
    }
    if (this.#count >= this.#lateAt) this.#pauseMs = FIRST_PAUSE_MS;
    this.#change(this.#count);
  }

  #change(count: number): void {
    this.#count = count;
    this.#worked = 0;
    this.#waited = 0;
  }
}
