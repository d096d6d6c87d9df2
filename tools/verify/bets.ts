/**
 * Statistics that may be looked at after every observation.
 *
 * A bettor starts with 1 and bets that the mean is above `m0`. Where it is not, the fortune grows a
 * thousandfold with a probability of at most 1/1000, however long the game goes on (Ville's inequality).
 * The same holds for the bet that the mean is below.
 *
 * @see Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting
 * @module
 */

/** Fortunes at which a bet is won: a false alarm at most once in so many runs. */
export const WON = 1000;

/** Neighbours are averaged, because the error of one token says much about the next. */
export const BLOCK = 16;

/** A difference of log-probabilities counts at most so much. */
const MOST = 1;

/** Stakes; the fortune is the mean of those that they bring. */
const STAKES = [0.25, 0.5, 1, 2, 4, 8] as const;

/** Bets on the mean of observations 0 … 1. */
export class Bets {
  readonly #m0: number;
  readonly #above: number[] = STAKES.map(() => 0);
  readonly #below: number[] = STAKES.map(() => 0);
  #n = 0;
  #sum = 0;

  constructor(m0: number) {
    this.#m0 = m0;
  }

  /** Takes an observation. */
  add(x: number): void {
    this.#n++;
    this.#sum += x;
    STAKES.forEach((stake, i) => {
      // No bet may lose more than all: what may be won above is limited by m0, below by 1 − m0.
      const up = Math.min(stake, 1 / this.#m0);
      const down = Math.min(stake, 1 / (1 - this.#m0));
      this.#above[i] += Math.log1p(up * (x - this.#m0));
      this.#below[i] += Math.log1p(down * (this.#m0 - x));
    });
  }

  /** What the bets say: the mean is above, it is below, or neither is won. */
  get verdict(): "above" | "below" | undefined {
    if (fortuneOf(this.#above) >= WON) return "above";
    return fortuneOf(this.#below) >= WON ? "below" : undefined;
  }

  /** The mean of the observations. */
  get mean(): number {
    return this.#n === 0 ? 0 : this.#sum / this.#n;
  }

  /** How many there were. */
  get count(): number {
    return this.#n;
  }
}

function fortuneOf(logs: readonly number[]): number {
  return logs.reduce((sum, x) => sum + Math.exp(x), 0) / logs.length;
}

/** Differences as observations: cut off at 1, and averaged over neighbours. A short rest is left out. */
export function observationsOf(differences: readonly number[]): number[] {
  const n = Math.floor(differences.length / BLOCK);
  return Array.from({ length: n }, (_, i) => {
    const block = differences.slice(i * BLOCK, (i + 1) * BLOCK);
    return block.reduce((sum, x) => sum + Math.min(x, MOST), 0) / BLOCK;
  });
}

/**
 * The probability that random signs give a sum as large as this one or larger. Where nothing happens at a
 * step, later less earlier has either sign as often.
 */
export function signFlip(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  const n = 2 ** values.length;
  let atLeast = 0;
  for (let signs = 0; signs < n; signs++) {
    const flipped = values.reduce((a, x, i) => a + ((signs >> i) & 1 ? -x : x), 0);
    if (flipped >= sum) atLeast++;
  }
  return atLeast / n;
}
