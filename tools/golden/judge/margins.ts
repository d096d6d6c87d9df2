/**
 * How near is each choice of a run to being another one?
 *
 * Next: score-tables.ts
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";
import type { Tie } from "../case/envelope-file.ts";

/** The right choices of a stage. */
export interface Borders {
  /** The best `k` of each row; undefined where nothing is dropped, or equal scores meet. */
  readonly chosen: readonly (readonly number[] | undefined)[];
  readonly ties: readonly Tie[];
}

/** Chooses in every row of `[rows, candidates]`. Masked candidates (`-Infinity`) do not count. */
export function borders(scores: GoldenTensor, k: number): Borders {
  const [nRows, n] = scores.shape;
  const ties: Tie[] = [];
  const chosen = Array.from({ length: nRows }, (_, row) => {
    const score = (i: number): number => scores.data[row * n + i];
    const ranked = Array.from({ length: n }, (_, i) => i)
      .filter((i) => Number.isFinite(score(i)))
      .sort((a, b) => score(b) - score(a) || a - b);
    if (ranked.length <= k) return undefined;
    const last = score(ranked[k - 1]);
    if (last > score(ranked[k])) return ranked.slice(0, k);
    const always = ranked.filter((i) => score(i) > last).sort((a, b) => a - b);
    const of = ranked.filter((i) => score(i) === last).sort((a, b) => a - b);
    ties.push({ row, always, any: k - always.length, of });
    return undefined;
  });
  return { chosen, ties };
}

/**
 * The gap between the worst chosen and the best other score of each row, negative when these scores
 * choose otherwise; NaN where there is no choice.
 */
export function gaps(scores: GoldenTensor, { chosen }: Borders): Float64Array {
  const n = scores.shape[1];
  return Float64Array.from(chosen, (set, row) => {
    if (!set) return Number.NaN;
    const isIn = new Set(set);
    let [worst, best] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < n; i++) {
      const score = scores.data[row * n + i];
      if (isIn.has(i)) worst = Math.min(worst, score);
      else best = Math.max(best, score);
    }
    return worst - best;
  });
}
