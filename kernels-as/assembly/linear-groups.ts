// linear: y[t,o] = Σ_i x[t,i] · w[o,i], w in q8 or q4 and x in f32
//
// Specification: engine/ops/reference/linear.ts
// Difference:    none to linear.ts: the same bits as with w in f32.
// Requires:      what linear.ts requires of x, y and scratch; w in panels.
//
// With one token, the panels are multiplied as they lie in memory: rows-groups.ts. With several, each block
// of a panel is widened to f32, then multiplied as linear.ts does it. Products with these formats are faster
// with x in int8: linear-groups-int8.ts.
import { GROUP, PANEL_ROWS, Q4_GROUP_BYTES, Q8_GROUP_BYTES } from "./layout";
import { rowsQ4, rowsQ8 } from "./rows-groups";
import { addBlock, BLOCK_COLUMNS, SUMS_BYTES } from "./tiles";
import { widenQ4, widenQ8 } from "./widen-panels";

export function linearQ8(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  nT: i32,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  if (nT == 1) rowsQ8(y, x, w, nGroups, nO, scratch);
  else linearGroups(y, yStride, x, xStride, w, Q8_GROUP_BYTES, nT, nGroups, nO, scratch);
}

export function linearQ4(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  nT: i32,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  if (nT == 1) rowsQ4(y, x, w, nGroups, nO, scratch);
  else linearGroups(y, yStride, x, xStride, w, Q4_GROUP_BYTES, nT, nGroups, nO, scratch);
}

function linearGroups(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  groupBytes: usize,
  nT: i32,
  nGroups: i32,
  nO: i32,
  scratch: usize,
): void {
  const wide = scratch + <usize>nT * PANEL_ROWS * SUMS_BYTES;
  const wideStride = BLOCK_COLUMNS << 2;
  const nI = nGroups * GROUP;
  const scales = wide + PANEL_ROWS * wideStride;
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    const rows = min(PANEL_ROWS, nO - o);
    const yPanel = y + ((<usize>o) << 2);
    for (let g = 0; g < nGroups; g += BLOCK_COLUMNS / GROUP) {
      const n = min(BLOCK_COLUMNS / GROUP, nGroups - g);
      const at = w + <usize>g * groupBytes;
      if (groupBytes == Q8_GROUP_BYTES) widenQ8(wide, wideStride, at, n, scales);
      else widenQ4(wide, wideStride, at, n, scales);
      addBlock(yPanel, yStride, scratch, x, xStride, wide, wideStride, nT, rows, g * GROUP, nI);
    }
    w += <usize>nGroups * groupBytes;
  }
}
