// linear: y[t,o] = Σ_g d[t,g] · s[o,g] · Σ_{i in g} x[t,i] · q[o,i], w in q8 or q4 and x in int8
//
// Specification: engine/ops/reference/linear.ts, over the rows of int8-rows.ts
// Difference:    the sum inside a group is exact; d · s, its product with that sum and the sum over
//                groups, in ascending order, are f32.
// Requires:      w in panels, x as quantize-rows.ts makes it for the format of w; the scratch that
//                int8ScratchBytes of tiles-int8.ts tells, which linearScratchBytes contains. Panels may be shared out in any way.
//
// One token meets four panels together, one of each quarter of the matrix, for the reason that
// rowsF32 of rows.ts gives. Several tokens meet the panels one by one, four tokens at a time; if there are
// many, tiles-int8.ts takes panels and tokens apart first.
import { PANEL_ROWS, Q4_GROUP_BYTES, Q8_GROUP_BYTES } from "./layout";
import { PANELS, PANEL_SUM_BYTES, storeSums, TOKENS } from "./panels";
import { fourPanelsQ4, fourTokensQ4, onePanelQ4 } from "./panels-q4";
import { fourPanelsQ8, fourTokensQ8, onePanelQ8 } from "./panels-q8";
import { MANY_TOKENS, manyTokensQ4, manyTokensQ8, tokensAtOnce } from "./tiles-int8";

/** @param w the first of the panels that hold nO rows; the last of them may have less than eight */
export function linearQ8Int8(
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
  linearInt8(y, yStride, x, xStride, w, Q8_GROUP_BYTES, nT, nGroups, nO, scratch);
}

/** The same for q4. */
export function linearQ4Int8(
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
  linearInt8(y, yStride, x, xStride, w, Q4_GROUP_BYTES, nT, nGroups, nO, scratch);
}

/** One copy of it for each format, with the bytes of its group known: see README.md on `@inline`. */
// @ts-ignore: decorator
@inline
function linearInt8(
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
  const isQ8 = groupBytes == Q8_GROUP_BYTES;
  const panelBytes = <usize>nGroups * groupBytes;
  while (nT >= MANY_TOKENS) {
    const n = tokensAtOnce(nT, nGroups);
    if (isQ8) manyTokensQ8(y, yStride, x, xStride, w, n, nGroups, nO, scratch);
    else manyTokensQ4(y, yStride, x, xStride, w, n, nGroups, nO, scratch);
    y += <usize>n * yStride;
    x += <usize>n * xStride;
    nT -= n;
  }
  if (nT == 0) return;
  let o = 0;
  if (nT == 1) {
    const quarter = nO / (PANELS * PANEL_ROWS);
    const wApart = <usize>quarter * panelBytes;
    const yApart = <usize>quarter * PANEL_SUM_BYTES;
    for (let p = 0; p < quarter; p++) {
      if (isQ8) fourPanelsQ8(y, yApart, x, w, wApart, panelBytes);
      else fourPanelsQ4(y, yApart, x, w, wApart, panelBytes);
      w += panelBytes;
      y += PANEL_SUM_BYTES;
    }
    w += <usize>(PANELS - 1) * wApart;
    y += <usize>(PANELS - 1) * yApart;
    o = quarter * PANELS * PANEL_ROWS;
  }
  for (; o < nO; o += PANEL_ROWS) {
    const rows = min(PANEL_ROWS, nO - o);
    let xRow = x;
    let yRow = y;
    let t = 0;
    for (; t + TOKENS <= nT; t += TOKENS) {
      if (isQ8) fourTokensQ8(scratch, xRow, xStride, w, panelBytes);
      else fourTokensQ4(scratch, xRow, xStride, w, panelBytes);
      storeSums(yRow, yStride, scratch, TOKENS, rows);
      xRow += <usize>TOKENS * xStride;
      yRow += <usize>TOKENS * yStride;
    }
    for (; t < nT; t++) {
      if (isQ8) onePanelQ8(scratch, xRow, w, panelBytes);
      else onePanelQ4(scratch, xRow, w, panelBytes);
      storeSums(yRow, yStride, scratch, 1, rows);
      xRow += xStride;
      yRow += yStride;
    }
    w += panelBytes;
    y += PANEL_SUM_BYTES;
  }
}
