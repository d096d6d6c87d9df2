/**
 * Statistics about the positions that queries select. A choice is the list of positions that one
 * query selects, in ascending order and without padding. `choices[t]` is the choice of the query at
 * position `t`.
 * @module
 */

/** The choices of the queries of one layer, by position. */
export type Choices = readonly (readonly number[])[];

/** The share of `a` that is also in `b` when `b` is moved by `shift`. It is 1 for an empty `a`. */
export function overlap(a: readonly number[], b: readonly number[], shift = 0): number {
  const other = new Set(b);
  const nBoth = a.filter((s) => other.has(s - shift)).length;
  return a.length === 0 ? 1 : nBoth / a.length;
}

/** Mean overlap of the choices of two layers, over the queries from `from` on. */
export function layerOverlap(a: Choices, b: Choices, from: number): number {
  return mean(a.slice(from).map((choice, i) => overlap(choice, b[from + i])));
}

/** Mean overlap of each query's choice with that of the query before, moved by `shift`. */
export function temporalOverlap(choices: Choices, from: number, shift: 0 | 1): number {
  const later = choices.slice(Math.max(1, from));
  const before = choices.slice(Math.max(1, from) - 1);
  return mean(later.map((choice, i) => overlap(choice, before[i], shift)));
}

/**
 * Miss rate of a cache that keeps the `room` rows that were used last: the share of the rows chosen
 * from query `from` on that are not in the cache.
 */
export function lruMissShare(choices: Choices, from: number, room: number): number {
  const hot = new Set<number>(); // in the order of their last use
  let nMissed = 0;
  let nAsked = 0;
  choices.forEach((choice, t) => {
    for (const s of choice) {
      if (t >= from) {
        nAsked++;
        if (!hot.has(s)) nMissed++;
      }
      hot.delete(s);
      hot.add(s);
      if (hot.size > room) hot.delete(hot.values().next().value as number);
    }
  });
  return nAsked === 0 ? 0 : nMissed / nAsked;
}

/** Mean number of different rows that `size` successive queries choose, from query `from` on. */
export function distinctRows(choices: Choices, from: number, size: number): number {
  const counts: number[] = [];
  for (let t = from; t + size <= choices.length; t += size) {
    counts.push(new Set(choices.slice(t, t + size).flat()).size);
  }
  return mean(counts);
}

/**
 * How far back the chosen positions lie, as shares of all choices with a distance in
 * `[1, 2), [2, 4), [4, 8) …`. The query's own position has distance 1.
 */
export function distances(choices: Choices, from: number): number[] {
  const counts: number[] = [];
  let nAll = 0;
  choices.slice(from).forEach((choice, i) => {
    for (const s of choice) {
      const bin = Math.floor(Math.log2(from + i - s + 1));
      counts[bin] = (counts[bin] ?? 0) + 1;
      nAll++;
    }
  });
  return Array.from(counts, (n = 0) => n / nAll);
}

/**
 * For a row of scores of which the `k` highest are chosen: how many scores are above 0, and how
 * many are equal to the lowest chosen one.
 */
export function boundary(
  scores: ArrayLike<number>,
  k: number,
): { readonly nPositive: number; readonly nTied: number } {
  const sorted = Float64Array.from(scores).sort().reverse();
  const last = sorted[Math.min(k, sorted.length) - 1];
  const nTied = sorted.filter((score) => score === last).length;
  return { nPositive: sorted.filter((score) => score > 0).length, nTied };
}

/** Mean of some numbers. It is NaN when there are none. */
export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}
