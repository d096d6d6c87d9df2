/**
 * What looks at the past: index scores, top-k, attention over the chosen rows.
 * @module
 */
import { describe, type Indices, ShapeError } from "../../tensor.ts";
import type { Ops } from "../ops.ts";
import { NO_ROW } from "../reference/top-k.ts";
import type { Kernels, Machine } from "./kernels.ts";
import { paddedRows } from "./matrix.ts";
import { share } from "./team.ts";

/** Bytes that the top-k kernel counts digits in. */
const TOP_K_SCRATCH = 2048 * 4;

/** {@link Ops.indexScores} */
export const indexScores =
  (machine: Machine): Ops["indexScores"] =>
  (idxQ, idxK, idxW, start, scale) => {
    const { arena, kernels, team } = machine;
    const [nT, nH, nD] = idxQ.shape;
    const [nS] = idxK.shape;
    if (idxK.shape[1] !== nD || idxW.shape[0] !== nT || idxW.shape[1] !== nH) {
      throw new ShapeError(
        `indexScores: q ${describe(idxQ)}, k ${describe(idxK)}, w ${describe(idxW)}`,
      );
    }
    const data = arena.newFloats(nT * nS);
    const mark = arena.mark();
    const q = paddedRows(machine, idxQ.data, nT * nH, nD);
    const k = paddedRows(machine, idxK.data, nS, nD);
    const w = arena.addressOf(idxW.data);
    const scratchBytes = kernels.indexScoresScratchBytes(nH, q.nColumns);
    team.run(nT * nS * nH * nD, (thread, part, parts) => {
      const scratch = arena.scratch(scratchBytes);
      const call = (t: number, n: number, s: number, nKeys: number) => {
        const y = data.byteOffset + 4 * (t * nS + s);
        const [qAt, kAt] = [q.address + t * nH * q.stride, k.address + s * k.stride];
        const from = start + t - s;
        // biome-ignore format: one line per call
        thread.indexScores(y, qAt, kAt, w + 4 * t * nH, n, nKeys, nH, q.nColumns, from, scale, scratch);
      };
      if (nT === 1) {
        const [first, end] = share(nS, 1, part, parts);
        if (first < end) call(0, 1, first, end - first);
      } else {
        const [first, end] = share(nT, 1, part, parts);
        if (first < end) call(first, end - first, 0, nS);
      }
    });
    arena.release(mark);
    return { dims: [idxQ.dims[0], "S"], shape: [nT, nS], data };
  };

/** {@link Ops.topK} */
export const topK =
  ({ arena, kernels }: Machine): Ops["topK"] =>
  (scores, k) => {
    const [nT, nS] = scores.shape;
    const nK = Math.min(k, nS);
    const data = arena.newInts(nT * nK).fill(NO_ROW);
    const mark = arena.mark();
    const from = arena.addressOf(scores.data);
    const scratch = arena.scratch(TOP_K_SCRATCH);
    for (let t = 0; t < nT; t++) {
      const out = data.byteOffset + 4 * t * nK;
      const chosen = kernels.topK(out, from + 4 * t * nS, nS, nK, scratch);
      if (chosen < 0) throw new ShapeError(`topK: a score of row ${t} is NaN`);
    }
    arena.release(mark);
    return { dims: [scores.dims[0], "K"], shape: [nT, nK], data };
  };

/** {@link Ops.latentAttention} */
export const latentAttention =
  (machine: Machine): Ops["latentAttention"] =>
  (qLatent, qPe, past, topK, scale) => {
    const { arena, kernels, team } = machine;
    const [nT, nH, nC] = qLatent.shape;
    const [, , nR] = qPe.shape;
    const [nS] = past.latent.shape;
    const [, nK] = topK.shape;
    if (past.latent.shape[1] !== nC || past.kPe.shape[1] !== nR || topK.shape[0] !== nT) {
      throw new ShapeError(
        `latentAttention: q ${describe(qLatent)} | ${describe(qPe)}, cache ${describe(past.latent)} | ${describe(past.kPe)}, top-k ${describe(topK)}`,
      );
    }
    const data = arena.newFloats(nT * nH * nC);
    const mark = arena.mark();
    const q = paddedRows(machine, qLatent.data, nT * nH, nC);
    const pe = paddedRows(machine, qPe.data, nT * nH, nR);
    const latent = paddedRows(machine, past.latent.data, nS, nC);
    const kPe = paddedRows(machine, past.kPe.data, nS, nR);
    const chosen = Array.from({ length: nT }, (_, t) => chosenRows(topK, t, nS));
    const rowsAt = chosen.map((rows) => arena.addressOf(rows));
    // Widths that fill whole vectors are written where they belong, others by way of y.
    const fits = q.nColumns === nC;
    const scratchBytes = kernels.latentAttentionScratchBytes(nK, nH, q.nColumns, pe.nColumns);

    const attend = (
      thread: Kernels,
      t: number,
      h: number,
      n: number,
      scratch: number,
      y: number,
    ) => {
      const out = data.byteOffset + 4 * (t * nH + h) * nC;
      const head = t * nH + h;
      // biome-ignore format: one line per call
      thread.latentAttention(fits ? out : y, q.address + head * q.stride, pe.address + head * pe.stride, latent.address, kPe.address, rowsAt[t], chosen[t].length, n, q.nColumns, pe.nColumns, scale, scratch);
      if (!fits) thread.copyRows(out, 4 * nC, y, q.stride, 4 * nC, n);
    };
    team.run(nT * nH * nK * (2 * nC + nR), (thread, part, parts) => {
      const scratch = arena.scratch(scratchBytes);
      const y = arena.scratch(fits ? 0 : nH * q.stride);
      // One query is shared out by heads, several by queries.
      const [first, end] = share(nT === 1 ? nH : nT, 1, part, parts);
      if (nT === 1 && first < end && chosen[0].length > 0) {
        attend(thread, 0, first, end - first, scratch, y);
      }
      for (let t = first; nT > 1 && t < end; t++) {
        if (chosen[t].length > 0) attend(thread, t, 0, nH, scratch, y);
      }
    });
    // With nothing to attend to, the softmax is 0 / 0, as in the reference.
    chosen.forEach((rows, t) => {
      if (rows.length === 0) data.fill(Number.NaN, t * nH * nC, (t + 1) * nH * nC);
    });
    arena.release(mark);
    return { dims: qLatent.dims, shape: qLatent.shape, data };
  };

/** The rows that query `t` may see: those before the padding. */
function chosenRows(topK: Indices, t: number, nS: number): Int32Array {
  const [, nK] = topK.shape;
  const row = topK.data.subarray(t * nK, (t + 1) * nK);
  let n = 0;
  for (; n < nK && row[n] !== NO_ROW; n++) {
    if (!(row[n] >= 0 && row[n] < nS)) {
      throw new ShapeError(`latentAttention: top-k row ${t} names position ${row[n]} of ${nS}`);
    }
  }
  return row.subarray(0, n);
}
