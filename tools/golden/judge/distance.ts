/**
 * How far two lists of numbers are apart, in the measures that engines use.
 * @module
 */
import { argmax } from "../../../engine/index.ts";
import { klDivergence } from "../../convert/divergence.ts";

/** Distances of one stage. `rms` and `largest` are shares of the stage's largest magnitude. */
export interface Distance {
  /** `max |got − want|` */
  readonly maxAbs: number;
  /** `max |got − want| / max |want|` */
  readonly largest: number;
  /** Root of the mean of `(got − want)²`, over `max |want|`. */
  readonly rms: number;
  /** `Σ(got − want)² / Σ want²` */
  readonly nmse: number;
  /** Cosine of the angle between both. */
  readonly cosine: number;
  /** Index of the worst number. */
  readonly worst: number;
}

/** Numbers below this are masked scores. Some engines write −∞, others a large negative number. */
export const MASKED = -1e30;

/**
 * Compares the first `n` numbers. The unit is the largest magnitude of all of `want`, so that a few
 * rows of a stage are measured as the whole stage is. A number that is masked on both sides, or NaN on
 * both sides, counts as equal. A NaN on one side only makes all distances NaN.
 */
export function distanceOf(got: ArrayLike<number>, want: ArrayLike<number>, n: number): Distance {
  let [maxAbs, worst, sumSq, gg, ww, gw] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const g = got[i];
    const w = want[i];
    if (g < MASKED && w < MASKED) continue;
    const d = Math.abs(g - w);
    if (!(d <= maxAbs)) {
      if (Number.isNaN(g) && Number.isNaN(w)) continue;
      maxAbs = d;
      worst = i;
      if (Number.isNaN(d)) break;
    }
    sumSq += d * d;
    gg += g * g;
    ww += w * w;
    gw += g * w;
  }
  const unit = magnitudeOf(want) || 1;
  if (Number.isNaN(maxAbs)) sumSq = Number.NaN;
  return {
    maxAbs,
    largest: maxAbs / unit,
    rms: Math.sqrt(sumSq / Math.max(n, 1)) / unit,
    nmse: sumSq / (ww || 1),
    cosine: sumSq === 0 ? 1 : Math.min(1, gw / (Math.sqrt(gg * ww) || 1)),
    worst,
  };
}

/** The largest magnitude; masked numbers and NaN do not count. */
export function magnitudeOf(numbers: ArrayLike<number>): number {
  let magnitude = 0;
  for (let i = 0; i < numbers.length; i++) {
    const x = Math.abs(numbers[i]);
    if (x > magnitude && numbers[i] >= MASKED && x < Number.POSITIVE_INFINITY) magnitude = x;
  }
  return magnitude;
}

/** How two engines' next tokens compare, over the rows of their logits. */
export interface LogitsReport {
  /** Rows that were compared. */
  readonly rows: number;
  /** Mean of `KL(want ‖ got)`, in nats. */
  readonly meanKl: number;
  /** Rows where both find the same token likeliest. */
  readonly sameTop: number;
  /** The first row where greedy decoding takes another token. */
  readonly divergence?: Divergence;
}

/** A row whose largest logit is another token's. */
export interface Divergence {
  /** The row. */
  readonly row: number;
  /** The expected token. */
  readonly want: number;
  /** The dump's token. */
  readonly got: number;
  /** The expected largest logit less the next largest. */
  readonly margin: number;
  /** `max |got − want|` of the row. */
  readonly maxAbs: number;
  /** Whether rounding can have turned the two tokens, when each logit may move by `room`. */
  readonly explained: boolean;
}

/**
 * Compares the first `rows` rows of logits.
 *
 * @param room how far rounding may take one logit
 */
export function compareLogits(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  rows: number,
  nVocab: number,
  room: number,
): LogitsReport {
  const rowOf = (logits: ArrayLike<number>, t: number): Float64Array => {
    const row = new Float64Array(nVocab);
    for (let v = 0; v < nVocab; v++) row[v] = logits[t * nVocab + v];
    return row;
  };
  let [kl, sameTop] = [0, 0];
  let divergence: Divergence | undefined;
  for (let t = 0; t < rows; t++) {
    const [g, w] = [rowOf(got, t), rowOf(want, t)];
    if (argmax(g) === argmax(w)) sameTop++;
    else divergence ??= divergenceAt(t, g, w, room);
    kl += klDivergence(w, g);
  }
  return { rows, meanKl: kl / Math.max(rows, 1), sameTop, ...(divergence && { divergence }) };
}

function divergenceAt(row: number, g: Float64Array, w: Float64Array, room: number): Divergence {
  const [want, got] = [argmax(w), argmax(g)];
  const next = Math.max(...w.filter((_, v) => v !== want));
  const maxAbs = Math.max(...w.map((x, v) => Math.abs(g[v] - x)));
  return {
    row,
    want,
    got,
    margin: w[want] - next,
    maxAbs,
    explained: w[want] - w[got] <= 2 * room,
  };
}
