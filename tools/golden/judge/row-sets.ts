/**
 * Rows of a choice as sets: positions or experts, in whatever order. Negative entries only fill a row
 * up and do not count.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";

/** The set of one row, `width` entries wide. */
export function rowSet(
  { data }: Pick<GoldenTensor, "data">,
  row: number,
  width: number,
): Set<number> {
  return new Set([...data.subarray(row * width, (row + 1) * width)].filter((s) => s >= 0));
}

/** Whether two sets hold the same. */
export const isSameSet = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  a.size === b.size && [...a].every((s) => b.has(s));

/** The first row whose sets differ; the number of rows when none does. `want` gives the shape. */
export function firstOtherRow(got: Pick<GoldenTensor, "data">, want: GoldenTensor): number {
  const [nRows, width] = want.shape;
  for (let row = 0; row < nRows; row++) {
    if (!isSameSet(rowSet(got, row, width), rowSet(want, row, width))) return row;
  }
  return nRows;
}
