// linear: y[t,o] = Σ_i x[t,i] · w[o,i], w in f32
//
// Specification: engine/ops/reference/linear.ts
// Difference:    eight f32 partial sums instead of one f64 sum, joined as lanes.ts says.
// Requires:      nI % 16 == 0 (rows are padded with zeros); addresses and strides in bytes. Rows of
//                w may be shared out among callers in any way: each y[t,o] is made alone.
//
// With one token, whole rows of w are multiplied at once. With several, w is taken in blocks of 8 rows
// and 256 columns: the L1 cache holds a block while all tokens meet it, and the partial sums wait in
// scratch for the next block.
import { PANEL_ROWS } from "./layout";
import { rowsF32 } from "./rows";
import { addBlock, BLOCK_COLUMNS, SUMS_BYTES } from "./tiles";
import { int8ScratchBytes } from "./tiles-int8";

/** Bytes of scratch that linear needs in any format. */
export function linearScratchBytes(nT: i32, nI: i32): usize {
  return max(f32ScratchBytes(nT, nI), int8ScratchBytes(nT, nI));
}

/** With x in f32: room for a row of x, or else for partial sums, a block of w in f32 and its scales. */
export function f32ScratchBytes(nT: i32, nI: i32): usize {
  const oneRow = (<usize>nI) << 2;
  const sums = <usize>nT * PANEL_ROWS * SUMS_BYTES;
  return max(oneRow, sums + PANEL_ROWS * (BLOCK_COLUMNS << 2) + (PANEL_ROWS << 2));
}

export function linearF32(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  nT: i32,
  nI: i32,
  nO: i32,
  scratch: usize,
): void {
  if (nT == 1) {
    rowsF32(y, x, w, wStride, nI, nO);
    return;
  }
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    const rows = min(PANEL_ROWS, nO - o);
    const yPanel = y + ((<usize>o) << 2);
    const wPanel = w + <usize>o * wStride;
    for (let i = 0; i < nI; i += BLOCK_COLUMNS) {
      const wBlock = wPanel + ((<usize>i) << 2);
      addBlock(yPanel, yStride, scratch, x, xStride, wBlock, wStride, nT, rows, i, nI);
    }
  }
}
