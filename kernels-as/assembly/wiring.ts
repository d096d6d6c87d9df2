// wiring: rows moved from one width to another.
//
// Specification: engine/ops/reference/wiring.ts
// Difference:    none.
// Requires:      strides in bytes; y and x do not overlap.

/** The first `bytes` bytes of each row of x become those of the rows of y. */
export function copyRows(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  bytes: usize,
  nRows: i32,
): void {
  for (let r = 0; r < nRows; r++) {
    memory.copy(y, x, bytes);
    y += yStride;
    x += xStride;
  }
}

/** Rows of x, each filled up with zeros to `yStride` bytes. */
export function padRows(y: usize, yStride: usize, x: usize, bytes: usize, nRows: i32): void {
  for (let r = 0; r < nRows; r++) {
    memory.copy(y, x, bytes);
    memory.fill(y + bytes, 0, yStride - bytes);
    y += yStride;
    x += bytes;
  }
}

/** Row r of y is row `rows[r]` of x. */
export function gatherRows(y: usize, x: usize, rowBytes: usize, rows: usize, nRows: i32): void {
  for (let r = 0; r < nRows; r++) {
    memory.copy(y, x + <usize>load<u32>(rows) * rowBytes, rowBytes);
    y += rowBytes;
    rows += 4;
  }
}

/** y[c,r] = x[r,c], in elements of one byte. The rows of y lie one after the other. */
export function turn8(y: usize, x: usize, xStride: usize, nRows: i32, nColumns: i32): void {
  turn<u8>(y, x, xStride, nRows, nColumns);
}

/** The same in elements of two bytes. */
export function turn16(y: usize, x: usize, xStride: usize, nRows: i32, nColumns: i32): void {
  turn<u16>(y, x, xStride, nRows, nColumns);
}

/** The same in elements of four bytes. */
export function turn32(y: usize, x: usize, xStride: usize, nRows: i32, nColumns: i32): void {
  turn<u32>(y, x, xStride, nRows, nColumns);
}

/** Column by column of x: as many cache lines as x has rows are in use, and stay for the next columns. */
function turn<T>(y: usize, x: usize, xStride: usize, nRows: i32, nColumns: i32): void {
  for (let c = 0; c < nColumns; c++) {
    let at = x;
    for (let r = 0; r < nRows; r++) {
      store<T>(y, load<T>(at));
      at += xStride;
      y += sizeof<T>();
    }
    x += sizeof<T>();
  }
}
