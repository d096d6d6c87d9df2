/**
 * How far the wasm backend may be from the f64 reference, op by op, from the data. Each bound is a
 * theorem about the order of operations that the kernel's header states, not a fitted tolerance.
 * @module
 */

import type { Indices, Tensor, Weight } from "../../base/tensor.ts";
import { F32_ROUNDING, F32_TINY } from "../../numbers/formats.ts";
import { exp } from "../../numbers/math.ts";
import { f32ReferenceBounds } from "../bounds.ts";
import type { Bound, CheckedOp } from "../checked.ts";
import type { Activations, KeyRows, LatentRows } from "../ops.ts";
import { floatsOf } from "../reference/memory.ts";
import { storedKeys, storedLatents } from "../stored-rows.ts";
import { dotGamma, dots, EXP, EXP_TINY, gamma, siluMulOff } from "./error-terms.ts";
import { productBounds } from "./product-bounds.ts";

/** Rows that the attention sums before it adds the sum to the rest. */
const ROWS_PER_SUM = 64;

const oneRounding: Bound = f32ReferenceBounds.add;

/** The sums are f64 in another order: `n` roundings of 2^-53, relative since no term is negative. */
const rmsNorm: Bound = (args, want) => {
  const [x] = args as [Tensor<["T", "C"]>];
  const once = oneRounding(args, want);
  return once.map((limit, at) => limit + Math.abs(want.data[at]) * x.shape[1] * 2 ** -53);
};

/** The same, but relative to the largest input: the mean is subtracted and the bias added. */
const layerNorm: Bound = (args, want) => {
  const [x, gain, , eps] = args as [Tensor<["T", "C"]>, Weight, Weight, number];
  const nC = x.shape[1];
  const g = floatsOf(gain);
  const once = oneRounding(args, want);
  return once.map((limit, at) => {
    const row = Float64Array.from(x.data.subarray(at - (at % nC), at - (at % nC) + nC));
    const mean = row.reduce((sum, v) => sum + v, 0) / nC;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / nC;
    const largest = row.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    const scale = 1 / Math.sqrt(variance + eps);
    return limit + Math.abs(g[at % nC]) * scale * largest * nC * 2 ** -51;
  });
};

/** The rectifier moves no error outwards; the heads are one more sum, the scale two roundings. */
const indexScores: Bound = (args, want) => {
  const [q, keys, w, , scale] = args as [
    Tensor<["T", "idxH", "D"]>,
    KeyRows<"D">,
    Tensor,
    number,
    number,
  ];
  const [, nH, nD] = q.shape;
  const { nS } = keys;
  const k = storedKeys(keys);
  return Float64Array.from(want.data, (_, at) => {
    const [t, s] = [Math.floor(at / nS), at % nS];
    let fromDots = 0;
    let size = 0;
    for (let j = 0; j < nH; j++) {
      const [dot, sizeOfDot] = dots(q.data, (t * nH + j) * nD, k.data, s * nD, nD);
      const off = dotGamma(nD) * sizeOfDot + nD * F32_TINY;
      const weight = Math.abs(w.data[t * nH + j]);
      fromDots += weight * off;
      size += weight * (Math.max(0, dot) + off);
    }
    return scale * (fromDots + gamma(nH + 2) * size) + (nH * scale + 1) * F32_TINY;
  });
};

/**
 * With scores off by `dz`, a numerator is off by the factor `1 + r`, `r = e^dz (1 + EXP) − 1`; its
 * share of the whole is then off by `(r + r̄) / (1 − r̄)` at most, `r̄` being the mean of `r` under
 * the softmax. What follows is a sum in blocks, the rounded denominator and the division.
 */
const latentAttention: Bound = (args, want) => {
  const [qLatent, qPe, past, topK, scale] = args as [
    Tensor<["T", "H", "C"]>,
    Tensor<["T", "H", "R"]>,
    LatentRows,
    Indices,
    number,
  ];
  const [nT, nH, nC] = qLatent.shape;
  const nR = qPe.shape[2];
  const nK = topK.shape[1];
  const { latent, kPe } = storedLatents(past);
  const limit = new Float64Array(want.data.length);
  for (let row = 0; row < nT * nH; row++) {
    const t = Math.floor(row / nH);
    const rows = [...topK.data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0);
    const scores = rows.map((s) => {
      const [c, sizeC] = dots(qLatent.data, row * nC, latent.data, s * nC, nC);
      const [r, sizeR] = dots(qPe.data, row * nR, kPe.data, s * nR, nR);
      const size = dotGamma(nC) * sizeC + dotGamma(nR) * sizeR + (nC + nR) * F32_TINY;
      return {
        z: scale * (c + r),
        off: scale * (size + 3.01 * F32_ROUNDING * (sizeC + sizeR)) + F32_TINY,
      };
    });
    const max = Math.max(...scores.map(({ z }) => z));
    const numerators = scores.map(({ z }) => exp(z - max));
    const total = numerators.reduce((sum, e) => sum + e, 0);
    const factors = scores.map(
      ({ z, off }) => exp(off + F32_ROUNDING * (max - z + 2 * off)) * (1 + EXP) - 1,
    );
    const mean = factors.reduce((sum, r, i) => sum + (r * numerators[i]) / total, 0);
    const sums = gamma(Math.min(rows.length, ROWS_PER_SUM) + rows.length / ROWS_PER_SUM + 3);
    rows.forEach((s, i) => {
      const share = mean < 1 ? (factors[i] + mean) / (1 - mean) : Number.POSITIVE_INFINITY;
      const off = (numerators[i] / total) * (share + sums * (1 + share)) + 2 * EXP_TINY;
      for (let d = 0; d < nC; d++) {
        limit[row * nC + d] += off * Math.abs(latent.data[s * nC + d]) + 2 * F32_TINY;
      }
    });
  }
  return limit;
};

const siluMul: Bound = (args, want) => {
  const [gate, up] = args as [Tensor, Tensor];
  return Float64Array.from(want.data, (y, at) => siluMulOff(y, gate.data[at], up.data[at]));
};

/**
 * Bounds of {@link wasmOps}. Embedding, rotation, sums and router round once; top-k is exact.
 *
 * @param activations those of the ops
 */
export function wasmBounds(activations: Activations = "f32"): Readonly<Record<CheckedOp, Bound>> {
  return {
    ...f32ReferenceBounds,
    ...productBounds(activations),
    rmsNorm,
    layerNorm,
    indexScores,
    latentAttention,
    siluMul,
  };
}
