/**
 * What looks at the past: index scores, top-k, attention over the chosen rows.
 * @module
 */
import { describe, type Indices, ShapeError } from "../../tensor.ts";
import type { Ops } from "../ops.ts";
import { NO_ROW } from "../reference/top-k.ts";
import type { Machine } from "./kernels.ts";
import { paddedRows } from "./matrix.ts";

/** Bytes that the top-k kernel counts digits in. */
const TOP_K_SCRATCH = 2048 * 4;

/** {@link Ops.indexScores} */
export const indexScores =
  (machine: Machine): Ops["indexScores"] =>
  (idxQ, idxK, idxW, start, scale) => {
    const { arena, kernels } = machine;
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
    const scratch = arena.scratch(kernels.indexScoresScratchBytes(nH, q.nColumns));
    kernels.indexScores(
      data.byteOffset,
      q.address,
      k.address,
      w,
      nT,
      nS,
      nH,
      q.nColumns,
      start,
      scale,
      scratch,
    );
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

/** {@link Ops.latentAttention}, one query after the other. */
export const latentAttention =
  (machine: Machine): Ops["latentAttention"] =>
  (qLatent, qPe, past, topK, scale) => {
    const { arena, kernels } = machine;
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
    // Widths that fill whole vectors are written where they belong, others by way of y.
    const fits = q.nColumns === nC;
    const y = arena.scratch(fits ? 0 : nH * q.stride);
    const bytes = kernels.latentAttentionScratchBytes(nK, nH, q.nColumns, pe.nColumns);
    const scratch = arena.scratch(bytes);
    for (let t = 0; t < nT; t++) {
      const out = data.byteOffset + 4 * t * nH * nC;
      const markRows = arena.mark();
      const rows = chosenRows(topK, t, nS);
      // With nothing to attend to, the softmax is 0 / 0, as in the reference.
      if (rows.length === 0) arena.floats(out, nH * nC).fill(Number.NaN);
      else {
        kernels.latentAttention(
          fits ? out : y,
          q.address + t * nH * q.stride,
          pe.address + t * nH * pe.stride,
          latent.address,
          kPe.address,
          arena.addressOf(rows),
          rows.length,
          nH,
          q.nColumns,
          pe.nColumns,
          scale,
          scratch,
        );
        if (!fits) kernels.copyRows(out, 4 * nC, y, q.stride, 4 * nC, nH);
      }
      arena.release(markRows);
    }
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
