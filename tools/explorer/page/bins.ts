/**
 * A long row of numbers in few columns, and which parts of a long text are worth showing.
 * @module
 */

/** Columns of a strip. */
export interface Bins {
  readonly count: number;
  /** The largest number of each column. */
  readonly most: Float64Array;
  /** Its position. */
  readonly at: Int32Array;
}

/** Puts numbers into at most `room` columns of equal width; each column keeps its largest. */
export function binned(values: ArrayLike<number>, room: number): Bins {
  const count = Math.max(1, Math.min(values.length, room));
  const most = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const at = new Int32Array(count).fill(-1);
  for (let s = 0; s < values.length; s++) {
    const column = columnOf(s, values.length, count);
    if (values[s] > most[column]) {
      most[column] = values[s];
      at[column] = s;
    }
  }
  return { count, most, at };
}

/** The column of position `s`. */
export const columnOf = (s: number, length: number, count: number): number =>
  Math.floor((s * count) / length);

/** Positions `from` to `to − 1` of a text. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Up to this many tokens a text is shown as a whole. */
export const WHOLE_TEXT = 400;

/** What of a text is worth showing. */
export interface Focus {
  /** The query. */
  readonly t: number;
  /** How many tokens the text has. */
  readonly length: number;
  /** The row that is pointed at. */
  readonly row: number | undefined;
  readonly marked: Iterable<number>;
}

/**
 * The windows of a text: a wide one at the query, one at the row that is pointed at, and a narrow one
 * around each marked row. Windows that touch become one. A short text is one window.
 */
export function windowsOf({ t, length, row, marked }: Focus): Window[] {
  if (length <= WHOLE_TEXT) return [{ from: 0, to: length }];
  const wanted: Window[] = [
    { from: t - 40, to: t + 13 },
    ...(row === undefined ? [] : [{ from: row - 14, to: row + 15 }]),
    ...Array.from(marked, (s) => ({ from: s - 3, to: s + 4 })),
  ].map(({ from, to }) => ({ from: Math.max(0, from), to: Math.min(length, to) }));
  wanted.sort((a, b) => a.from - b.from);
  const windows: { from: number; to: number }[] = [];
  for (const { from, to } of wanted) {
    const last = windows.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else windows.push({ from, to });
  }
  return windows;
}

/** The rank of `values[s]`: 1 is the largest, and equal ones count for the smaller position. */
export function rankOf(values: ArrayLike<number>, s: number): number {
  let rank = 1;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > values[s] || (values[i] === values[s] && i < s)) rank++;
  }
  return rank;
}

/** Mean over the heads of `[head, i]`. */
export function meanOfHeads(values: Float32Array, heads: number): Float32Array {
  const width = values.length / heads;
  return Float32Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += values[h * width + i];
    return sum / heads;
  });
}
