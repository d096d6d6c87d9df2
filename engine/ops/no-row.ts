/** Fills the tail of a row that has fewer visible rows than places. */
export const NO_ROW = -1;
