/**
 * Right engines of all classes, and the dumps that they may leave. None of them may be accused. Some are
 * those that the envelopes were measured with, in another order of sums; the others had no part in that.
 */
import { floatsLike } from "../../../../engine/base/tensor.ts";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import { storedLatents } from "../../../../engine/ops/stored-rows.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { expertsInF32, linearInF32 } from "../../../../tools/golden/build/f32-sums.ts";
import {
  by,
  withCoarseCaches,
  withF16Attention,
  withF16Caches,
} from "../../../../tools/golden/build/rounded-caches.ts";
import { roundedOps } from "../../../../tools/golden/build/rounded-ops.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import { bf16, f16 } from "../../../../tools/golden/case/rounding.ts";
import type { Dump } from "../../../../tools/golden/dump/dump.ts";

/** An engine and what it computes in. */
export interface RightEngine {
  readonly what: string;
  readonly kind: EngineClass;
  readonly ops: Ops;
}

const f32 = referenceOps("f32");

/** Sums as SIMD code has them: eight sums side by side, which are added at the end. */
const inLanes: Ops = {
  ...f32,
  linear: (x, w) => {
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    const weights = floatsOf(w);
    const data = floatsLike(x.data, nT * nO);
    for (let at = 0; at < data.length; at++) {
      const [t, o] = [Math.floor(at / nO), at % nO];
      const lanes = new Float32Array(8);
      for (let i = 0; i < nI; i++) lanes[i % 8] += x.data[t * nI + i] * (weights[o * nI + i] ?? 0);
      for (let half = 4; half >= 1; half /= 2) {
        for (let i = 0; i < half; i++) lanes[i] += lanes[i + half] ?? 0;
      }
      data[at] = lanes[0] ?? 0;
    }
    return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data };
  },
};

/** Attention whose shares are rounded after the softmax, as kernels do that multiply in bf16. */
const withRoundedShares = (ops: Ops): Ops => ({
  ...ops,
  latentAttention: (qLatent, qPe, past, topK, scale) => {
    const [nT, nH, nC] = qLatent.shape;
    const nR = qPe.shape[2];
    const nK = topK.shape[1];
    const { latent, kPe } = storedLatents(past);
    const data = floatsLike(qLatent.data, nT * nH * nC);
    for (let head = 0; head < nT * nH; head++) {
      const t = Math.floor(head / nH);
      const rows = [...topK.data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0);
      const dot = (q: ArrayLike<number>, k: ArrayLike<number>, n: number, s: number): number =>
        Array.from({ length: n }, (_, d) => (q[head * n + d] ?? 0) * (k[s * n + d] ?? 0)).reduce(
          (sum, x) => sum + x,
          0,
        );
      const scores = rows.map(
        (s) => scale * (dot(qLatent.data, latent.data, nC, s) + dot(qPe.data, kPe.data, nR, s)),
      );
      const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = powers.reduce((sum, x) => sum + x, 0);
      for (const [i, s] of rows.entries()) {
        const share = bf16((powers[i] ?? 0) / total);
        for (let d = 0; d < nC; d++) {
          const at = head * nC + d;
          data[at] = (data[at] ?? 0) + share * (latent.data[s * nC + d] ?? 0);
        }
      }
    }
    return { dims: qLatent.dims, shape: qLatent.shape, data };
  },
});

const cached = withF16Caches(inLanes);
const shown = withF16Attention(inLanes);

/** All of them. */
export const RIGHT: readonly RightEngine[] = [
  { what: "f32, sums forward", kind: "f32", ops: linearInF32("forward") },
  { what: "f32, experts backward", kind: "f32", ops: expertsInF32("backward") },
  { what: "f32, sums in lanes", kind: "f32", ops: inLanes },
  { what: "f16 caches and products", kind: "f16-cache", ops: cached },
  {
    what: "f16 caches alone",
    kind: "f16-cache",
    ops: { ...cached, indexScores: f32.indexScores, latentAttention: f32.latentAttention },
  },
  { what: "f16 attention", kind: "f16-attention", ops: shown },
  {
    what: "f16 caches and queries, f32 sums",
    kind: "f16-attention",
    ops: {
      ...{ ...shown, splitHeads: f32.splitHeads, latentAttention: f32.latentAttention },
      joinEach: (a, b) => by(f16)(f32.joinEach(a, b)),
    },
  },
  ...withCoarseCaches(linearInF32("backward")).map((ops, i) => ({
    ...{ what: `coarse caches ${i}`, kind: "int8-cache" as const, ops },
  })),
  { what: "bf16", kind: "bf16", ops: engines("bf16")[1] ?? f32 },
  { what: "bf16, sums in lanes", kind: "bf16", ops: roundedOps(inLanes, bf16) },
  { what: "bf16, rounded shares", kind: "bf16", ops: roundedOps(withRoundedShares(f32), bf16) },
];

/** What of a run a dump has. */
export const PARTS: Readonly<Record<string, RegExp>> = {
  "all stages": /./,
  "choices, layers and logits": /^(mtp_)?(top_k|l_out|logits|ffn_moe_topk)/,
  "rows, layers and logits": /^(mtp_)?(top_k|l_out|logits)/,
  logits: /^(mtp_)?logits/,
};

const STORED = { F32: Math.fround, F16: f16, BF16: bf16 } as const;

/** The format of a dump. */
export type Stored = keyof typeof STORED;

/** A part of a run as a dump in a format. */
export const stored = (
  tensors: readonly NamedTensor[],
  dtype: Stored,
  part: RegExp = /./,
): Dump => {
  const shownTensors = tensors.filter(({ name }) => part.test(name));
  return new Map(
    shownTensors.map(({ name, shape, data }) => {
      const isInteger = data instanceof Int32Array;
      const numbers = isInteger ? data : Float32Array.from(data, STORED[dtype]);
      const theirs = { theirName: name, dtype: isInteger ? ("I32" as const) : dtype };
      return [name, { ...theirs, shape, data: numbers }] as const;
    }),
  );
};
