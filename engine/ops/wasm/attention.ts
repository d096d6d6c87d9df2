/**
 * The ops that read the past: index scores, top-k, and attention over the chosen rows.
 * @module
 */

import { type Indices, ShapeError } from "../../base/tensor.ts";
import type { Encoding } from "../../numbers/row-encoding.ts";
import { checkIndexScores, checkLatentAttention, nanScore } from "../doors.ts";
import { NO_ROW } from "../no-row.ts";
import type { LatentRows, Ops } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { paddedRows, type Rows } from "./rows.ts";
import { share } from "./team.ts";

/** To look at one score takes about as long as so many multiplications. */
const PRODUCTS_OF_CHOICE = 32;

/** Rows that the kernel of the attention gathers at a time. */
const BLOCK_ROWS = 64;

/** {@link Ops.indexScores} */
export const indexScores =
  (machine: Machine): Ops["indexScores"] =>
  (idxQ, keys, idxW, start, scale) => {
    checkIndexScores(idxQ, keys, idxW);
    const { arena, team } = machine;
    const [nT, nH, nD] = idxQ.shape;
    const { nS, pageRows, offset, stride } = keys;
    const encoding = encodingOf(machine, keys.view, keys.encoding);
    const data = arena.newFloats(nT * nS);
    const mark = arena.mark();
    const q = paddedRows(machine, idxQ.data, nT * nH, nD);
    const w = arena.addressOf(idxW.data);
    const blocks = arena.newAddresses(Math.ceil(nS / pageRows));
    for (let i = 0; i < blocks.length; i++) blocks[i] = keys.blocks[i];
    const scratchBytes = machine.kernels.indexScoresScratchBytes(nH, q.nColumns);
    team.run(nT * nS * nH * nD, (kernels, part, parts) => {
      const scratch = arena.scratch(scratchBytes);
      const call = (t: number, n: number, first: number, end: number) => {
        const [y, qAt, wAt] = [
          data.byteOffset + 4 * t * nS,
          q.address + t * nH * q.stride,
          w + 4 * t * nH,
        ];
        // biome-ignore format: one line per call
        kernels.indexScores(y, 4 * nS, qAt, blocks.byteOffset, pageRows, offset, stride, encoding, nD, first, end, wAt, n, nH, q.nColumns, start + t + 1, scale, scratch);
      };
      // One query is shared out by its keys, several by queries.
      const [from, to] = share(nT === 1 ? nS : nT, 1, part, parts);
      if (from === to) return;
      if (nT === 1) call(0, 1, from, to);
      else call(from, to - from, 0, nS);
    });
    arena.release(mark);
    return { dims: [idxQ.dims[0], "S"], shape: [nT, nS], data };
  };

/** The number of an encoding, of rows that this machine can read. */
function encodingOf({ arena, layout }: Machine, view: DataView, encoding: Encoding): number {
  const number = layout.encodings[encoding];
  if (number !== undefined && arena.holds(view)) return number;
  const rows =
    number !== undefined ? "rows in the memory of another backend" : `rows in ${encoding}`;
  const known = Object.keys(layout.encodings).join(", ");
  throw new ShapeError(`${rows}: expected this backend's memory, and ${known}`);
}

/** {@link Ops.topK} */
export const topK =
  ({ arena, kernels: { topKScratchBytes }, team }: Machine): Ops["topK"] =>
  (scores, k) => {
    const [nT, nS] = scores.shape;
    const nK = Math.min(k, nS);
    const data = arena.newInts(nT * nK).fill(NO_ROW);
    const mark = arena.mark();
    const from = arena.addressOf(scores.data);
    const nChosen = arena.newInts(nT);
    const scratchBytes = topKScratchBytes(nS, nK);
    // One query cannot be shared out.
    team.run(nT === 1 ? 0 : nT * nS * PRODUCTS_OF_CHOICE, (kernels, part, parts) => {
      const [first, end] = share(nT, 1, part, parts);
      if (first === end) return;
      const [out, n] = [data.byteOffset + 4 * first * nK, nChosen.byteOffset + 4 * first];
      const scratch = arena.scratch(scratchBytes);
      kernels.topK(out, n, from + 4 * first * nS, end - first, nS, nK, scratch);
    });
    const bad = nChosen.indexOf(-1);
    arena.release(mark);
    if (bad >= 0) throw nanScore(bad);
    return { dims: [scores.dims[0], "K"], shape: [nT, nK], data };
  };

/** {@link Ops.latentAttention} */
export const latentAttention =
  (machine: Machine): Ops["latentAttention"] =>
  (qLatent, qPe, past, topK, scale) => {
    checkLatentAttention(qLatent, qPe, past, topK);
    const { arena } = machine;
    const [nT, nH, nC] = qLatent.shape;
    const [, , nR] = qPe.shape;
    const [, nK] = topK.shape;
    const data = arena.newFloats(nT * nH * nC);
    const mark = arena.mark();
    const q = paddedRows(machine, qLatent.data, nT * nH, nC);
    const pe = paddedRows(machine, qPe.data, nT * nH, nR);
    const rows = arena.newAddresses(nT * nK);
    const queries: Queries = { data, q, pe, nH, nC, nR, scale, rows };
    for (let t = 0; t < nT; ) {
      const end = past.bringIn(topK, t, rows);
      attend(machine, queries, past, topK, t, end);
      t = end;
    }
    arena.release(mark);
    return { dims: qLatent.dims, shape: qLatent.shape, data };
  };

/** The queries as the kernels read them, where their rows are listed, and where their results go. */
interface Queries {
  readonly data: Float32Array;
  readonly q: Rows;
  readonly pe: Rows;
  readonly nH: number;
  readonly nC: number;
  readonly nR: number;
  readonly scale: number;
  /** The addresses of the rows that the queries chose, from query `first` on. */
  readonly rows: Uint32Array;
}

/** Attention for queries `first … end − 1`, whose rows are in memory. */
function attend(
  machine: Machine,
  { data, q, pe, nH, nC, nR, scale, rows }: Queries,
  past: LatentRows,
  topK: Indices,
  first: number,
  end: number,
): void {
  const { arena, team, kernels } = machine;
  const [, nK] = topK.shape;
  const nT = end - first;
  const mark = arena.mark();
  const n = arena.newInts(nT);
  for (let t = 0; t < nT; t++) n[t] = nChosen(topK, first + t);
  const latentEncoding = encodingOf(machine, past.view, past.latentEncoding);
  const kPeEncoding = encodingOf(machine, past.view, past.kPeEncoding);
  // Results that fill whole vectors are written where they belong; others are copied from y.
  const fits = q.nColumns === nC;
  const most = Math.min(kernels.latentAttentionQueries(nK, nH), Math.ceil(nT / team.size));
  const groups = together(rows, n, nK, most);
  // biome-ignore format: one line per call
  const scratchBytes = kernels.latentAttentionScratchBytes(most, nK, nH, q.nColumns, pe.nColumns);

  team.run(nT * nH * nK * (2 * nC + nR), (kernels, part, parts) => {
    const scratch = arena.scratch(scratchBytes);
    const y = arena.scratch(fits ? 0 : most * nH * q.stride);
    const call = (t: number, queries: number, h: number, heads: number) => {
      const head = (first + t) * nH + h;
      const out = data.byteOffset + 4 * head * nC;
      // biome-ignore format: one line per call
      kernels.latentAttention(fits ? out : y, q.address + head * q.stride, pe.address + head * pe.stride, rows.byteOffset + 4 * t * nK, nK, n.byteOffset + 4 * t, queries, latentEncoding, nC, past.kPeAt, kPeEncoding, nR, heads, q.nColumns, pe.nColumns, scale, scratch);
      if (!fits) kernels.copyRows(out, 4 * nC, y, q.stride, 4 * nC, queries * heads);
    };
    // One query is shared out by its heads. Several are dealt out in turn, since later ones see more rows.
    const [from, to] = share(nH, 1, part, parts);
    if (nT === 1 && from < to) call(0, 1, from, to - from);
    for (let g = part; nT > 1 && g < groups.length; g += parts) {
      call(groups[g], (groups[g + 1] ?? nT) - groups[g], 0, nH);
    }
  });
  // With nothing to attend to, the softmax is 0 / 0, as in the reference. Its NaN is always the same here.
  n.forEach((nRows, t) => {
    if (nRows === 0) data.fill(Number.NaN, (first + t) * nH * nC, (first + t + 1) * nH * nC);
  });
  arena.release(mark);
}

/**
 * The first query of each group of up to `most` that are served together: neighbours whose first block of
 * rows is the same, as it is while all rows are chosen. The kernel gathers such blocks once for all of them.
 */
function together(rows: Uint32Array, n: Int32Array, nK: number, most: number): number[] {
  const groups = [0];
  for (let t = 1; t < n.length; t++) {
    const [a, b] = [(t - 1) * nK, t * nK];
    const last = Math.min(BLOCK_ROWS, n[t - 1], n[t]) - 1;
    const isSame = last >= 0 && rows[a] === rows[b] && rows[a + last] === rows[b + last];
    if (!isSame || t - (groups.at(-1) ?? 0) === most) groups.push(t);
  }
  return groups;
}

/** How many rows query `t` may see: those before the padding. */
function nChosen(topK: Indices, t: number): number {
  const [, nK] = topK.shape;
  let n = 0;
  while (n < nK && topK.data[t * nK + n] !== NO_ROW) n++;
  return n;
}
