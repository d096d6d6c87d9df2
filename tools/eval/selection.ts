/**
 * What can be said of the positions that queries choose. A choice is ascending and without padding;
 * `choices[t]` is that of the query at position `t`.
 *
 * Next: ../eval-command.ts
 * @module
 */

/** The choices of one layer, position by position. */
export type Choices = readonly (readonly number[])[];

/** The part of `a` that `b` has too, moved by `shift`. 1 for an empty `a`. */
export function overlap(a: readonly number[], b: readonly number[], shift = 0): number {
  const other = new Set(b);
  const nBoth = a.filter((s) => other.has(s - shift)).length;
  return a.length === 0 ? 1 : nBoth / a.length;
}

/** Mean overlap of two layers over the queries from `from` on. */
export function layerOverlap(a: Choices, b: Choices, from: number): number {
  return mean(a.slice(from).map((choice, i) => overlap(choice, b[from + i])));
}

/** Mean overlap of a query with the one before it, whose choice may move along by `shift`. */
export function temporalOverlap(choices: Choices, from: number, shift: 0 | 1): number {
  const later = choices.slice(Math.max(1, from));
  const before = choices.slice(Math.max(1, from) - 1);
  return mean(later.map((choice, i) => overlap(choice, before[i], shift)));
}

/** Share of the rows chosen from query `from` on that a cache of the `room` rows used last lacks. */
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

/** Mean number of different rows that `size` queries in a row choose, from query `from` on. */
export function distinctRows(choices: Choices, from: number, size: number): number {
  const counts: number[] = [];
  for (let t = from; t + size <= choices.length; t += size) {
    counts.push(new Set(choices.slice(t, t + size).flat()).size);
  }
  return mean(counts);
}

/** How far back the chosen positions lie: shares by powers of two, `[1, 2), [2, 4) …` */
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

/** Of a row of scores that `k` are chosen from: how many are above 0, and how many equal the last chosen. */
export function boundary(
  scores: ArrayLike<number>,
  k: number,
): { readonly nPositive: number; readonly nTied: number } {
  const sorted = Float64Array.from(scores).sort().reverse();
  const last = sorted[Math.min(k, sorted.length) - 1];
  const nTied = sorted.filter((score) => score === last).length;
  return { nPositive: sorted.filter((score) => score > 0).length, nTied };
}

/** Mean of some numbers; NaN of none. */
export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}
