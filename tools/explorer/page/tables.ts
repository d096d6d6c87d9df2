/**
 * The numbers behind a figure, as rows of a table. They are made of the same answers as the figure.
 * @module
 */
import { exact } from "./numbers.ts";

/** A cell: a number is written exactly. */
export type Cell = string | number | undefined;

/** A table whose rows are made when they are asked for. */
export interface NumberTable {
  readonly head: readonly string[];
  readonly count: number;
  row(i: number): readonly Cell[];
}

/** A table of rows that exist already. */
export const tableOf = (
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): NumberTable => ({ head, count: rows.length, row: (i) => rows[i] });

/** A cell as text. */
export const cellText = (cell: Cell): string =>
  cell === undefined ? "" : typeof cell === "number" ? exact(cell) : cell;

/** The whole table for the clipboard: columns between tabs. */
export function tabSeparated(table: NumberTable): string {
  const line = (cells: readonly Cell[]): string =>
    cells.map((cell) => cellText(cell).replaceAll(/[\t\n]/g, " ")).join("\t");
  const rows = Array.from({ length: table.count }, (_, i) => line(table.row(i)));
  return `${[line(table.head), ...rows].join("\n")}\n`;
}
