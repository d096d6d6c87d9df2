/**
 * How far some logits are from others, by the measures of engines that publish one.
 * @module
 */
import { argmax } from "../../engine/generate/sampler.ts";
import type { Floats } from "../../engine/index.ts";
import { klDivergence } from "../../tools/convert/divergence.ts";

/** Over all positions. */
export interface Difference {
  /** Root mean square, and largest, of differences from which the mean of their position is taken. */
  readonly rms: number;
  readonly largest: number;
  /** Mean Kullback-Leibler divergence from what is wanted, in nats. */
  readonly kl: number;
  /** Share of positions with the same largest logit. */
  readonly top1: number;
}

/** Compares position by position. */
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
