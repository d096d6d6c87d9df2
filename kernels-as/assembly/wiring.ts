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
