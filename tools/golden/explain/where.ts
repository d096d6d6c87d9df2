/**
 * Which rows of a stage are off, in words.
 * @module
 */

/** A list of rows is cut after this many. */
const LISTED = 4;

/** Rows as people would say it: "all rows", "rows 8 to 23", "every 8th row from row 7". */
export function rowsText(off: readonly number[], nRows: number): string {
  const [first, second] = off;
  if (off.length === nRows) return "all rows";
  if (off.length === 0) return "no row";
  if (off.length === 1) return `row ${first} alone`;
  const last = off[off.length - 1];
  if (last - first + 1 === off.length) {
    return last === nRows - 1 ? `all rows from row ${first} on` : `rows ${first} to ${last}`;
  }
  const step = second - first;
  if (off.length > 2 && off.every((t, i) => t === first + i * step)) {
    return `every ${step}. row from row ${first} on`;
  }
  const list = off.slice(0, LISTED).join(", ");
  return `${off.length} of ${nRows} rows (${list}${off.length > LISTED ? ", …" : ""})`;
}
