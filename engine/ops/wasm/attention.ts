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
  ({ arena, kernels }: Machine): Ops["topK"] =>
  (scores, k) => {
    const [nT, nS] = scores.shape;
    const nK = Math.min(k, nS);
    const data = arena.newInts(nT * nK).fill(NO_ROW);
    const mark = arena.mark();
    const from = arena.addressOf(scores.data);
    const scratch = arena.scratch(kernels.topKScratchBytes(nS, nK));
    for (let t = 0; t < nT; t++) {
      const out = data.byteOffset + 4 * t * nK;
      const chosen = kernels.topK(out, from + 4 * t * nS, nS, nK, scratch);
      if (chosen < 0) throw nanScore(t);
    }
    arena.release(mark);
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
    const queries: Queries = { data, q, pe, nH, nC, nR, scale, rows: rows.byteOffset };
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
  /** Address of the list of addresses of the rows that the queries chose. */
  readonly rows: number;
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
  // Queries that see all rows share whole blocks of them; others do not, and are served one by one.
  const isDense = nK === past.nS;
  const most = isDense
    ? Math.min(kernels.latentAttentionQueries(nK, nH), Math.ceil(nT / team.size))
    : 1;
  // biome-ignore format: one line per call
  const scratchBytes = kernels.latentAttentionScratchBytes(most, nK, nH, q.nColumns, pe.nColumns);

  team.run(nT * nH * nK * (2 * nC + nR), (kernels, part, parts) => {
    const scratch = arena.scratch(scratchBytes);
    const y = arena.scratch(fits ? 0 : most * nH * q.stride);
    const call = (t: number, queries: number, h: number, heads: number) => {
      const head = (first + t) * nH + h;
      const out = data.byteOffset + 4 * head * nC;
      // biome-ignore format: one line per call
      kernels.latentAttention(fits ? out : y, q.address + head * q.stride, pe.address + head * pe.stride, rows + 4 * t * nK, nK, n.byteOffset + 4 * t, queries, latentEncoding, nC, past.kPeAt, kPeEncoding, nR, heads, q.nColumns, pe.nColumns, scale, scratch);
      if (!fits) kernels.copyRows(out, 4 * nC, y, q.stride, 4 * nC, queries * heads);
    };
    // One query is shared out by its heads. Several are dealt out in turn, since later ones see more rows.
    const [from, to] = share(nH, 1, part, parts);
    if (nT === 1 && from < to) call(0, 1, from, to - from);
    for (let t = part * most; nT > 1 && t < nT; t += parts * most) {
      call(t, Math.min(most, nT - t), 0, nH);
    }
  });
  // With nothing to attend to, the softmax is 0 / 0, as in the reference. Its NaN is always the same here.
  n.forEach((nRows, t) => {
    if (nRows === 0) data.fill(Number.NaN, (first + t) * nH * nC, (first + t + 1) * nH * nC);
  });
  arena.release(mark);
}

/** How many rows query `t` may see: those before the padding. */
function nChosen(topK: Indices, t: number): number {
  const [, nK] = topK.shape;
  let n = 0;
  while (n < nK && topK.data[t * nK + n] !== NO_ROW) n++;
  return n;
}
