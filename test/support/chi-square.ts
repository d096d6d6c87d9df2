/**
 * Pearson's chi-square test: whether counts fit the expected probabilities.
 * @module
 */

/** Cells whose expected count is below this are joined into one cell. */
const RARE = 8;

/**
 * A score for how far counts are from the expected ones, in standard deviations: the
 * Wilson-Hilferty normal score of chi-square. By chance, it is above 3.7 in one of 10,000 tests.
 */
export function chiSquareScore(
  counts: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
  total: number,
): number {
  for (const cell of counts.keys()) {
    if (!((expected.get(cell) ?? 0) > 0)) return Number.POSITIVE_INFINITY; // it cannot happen
  }
  let statistic = 0;
  let cells = 0;
  const rare = { count: 0, want: 0 };
  const add = (count: number, want: number): void => {
    statistic += (count - want) ** 2 / want;
    cells++;
  };
  for (const [cell, p] of expected) {
    const [count, want] = [counts.get(cell) ?? 0, p * total];
    if (want >= RARE) add(count, want);
    else {
      rare.count += count;
      rare.want += want;
    }
  }
  if (rare.want >= RARE) add(rare.count, rare.want);
  const freedom = cells - 1;
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(statistic / freedom) - (1 - spread)) / Math.sqrt(spread);
}

/** Counts how often each text was drawn. */
export function countOf(draws: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const drawn of draws) counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  return counts;
}
