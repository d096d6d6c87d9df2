/**
 * Measures how far logits are from others, with the measures that other engines publish.
 * @module
 */
import { argmax } from "../../engine/generate/sampler.ts";
import type { Floats } from "../../engine/index.ts";
import { klDivergence } from "../../tools/convert/divergence.ts";

/** The differences over all positions. */
export interface Difference {
  /** Root mean square of the differences, after the mean of each position was subtracted. */
  readonly rms: number;
  /** The largest such difference. */
  readonly largest: number;
  /** Mean Kullback-Leibler divergence from the wanted logits, in nats. */
  readonly kl: number;
  /** Share of positions with the same largest logit. */
  readonly top1: number;
}

/** Compares two lists of logits, position by position. */
export function difference(got: readonly Floats[], want: readonly Floats[]): Difference {
  let [squares, n, largest, kl, nSame] = [0, 0, 0, 0, 0];
  want.forEach((w, t) => {
    const [a, b] = [Array.from(got[t]), Array.from(w)];
    const mean = a.reduce((sum, x, i) => sum + x - b[i], 0) / a.length;
    a.forEach((x, i) => {
      const d = Math.abs(x - b[i] - mean);
      squares += d * d;
      largest = Math.max(largest, d);
    });
    n += a.length;
    kl += klDivergence(w, got[t]);
    if (argmax(got[t]) === argmax(w)) nSame++;
  });
  const nT = want.length;
  return { rms: Math.sqrt(squares / n), largest, kl: kl / nT, top1: nSame / nT };
}
