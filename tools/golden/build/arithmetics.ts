/**
 * Engines that compute in another arithmetic than float64. They are made of the reference: numbers are
 * rounded where such an engine rounds them, and sums are taken in another order.
 *
 * Next: envelope.ts
 * @module
 */

import type { Tensor } from "../../../engine/base/tensor.ts";
import { type Ops, referenceOps } from "../../../engine/index.ts";
import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { bf16, f16 } from "../case/rounding.ts";
import { expertsInF32, linearInF32 } from "./f32-sums.ts";
import { roundedOps } from "./rounded-ops.ts";

/** Engines whose errors make up the envelope of a class. */
export function engines(kind: EngineClass): Ops[] {
  const f32 = [referenceOps("f32"), linearInF32("forward"), linearInF32("backward")];
  switch (kind) {
    case "f32":
      return [...f32, expertsInF32("forward"), expertsInF32("backward")];
    case "f16-cache":
      return f32.map(withF16Caches);
    case "bf16":
      return f32.map((ops) => withBf16Weights(roundedOps(ops, bf16)));
    default:
      return kind satisfies never;
  }
}

const rounded = <X extends Tensor>(x: X, round: (value: number) => number): X => ({
  ...x,
  data: x.data.map(round),
});

/**
 * Rounds cached rows to f16 where they are made, and the queries that meet them, as llama.cpp does.
 */
function withF16Caches(ops: Ops): Ops {
  return {
    ...ops,
    rmsNorm: (x, gain, eps) => {
      const y = ops.rmsNorm(x, gain, eps);
      return String(gain.dims) === "kvLora" ? rounded(y, f16) : y;
    },
    ropeInterleaved: (x, table) => {
      const y = ops.ropeInterleaved(x, table);
      return x.dims.length === 2 ? rounded(y, f16) : y; // keys; queries have heads
    },
    join: (a, b) => {
      const y = ops.join(a, b);
      return String(a.dims[1]) === "rope" ? rounded(y, f16) : y; // indexer keys
    },
    indexScores: (q, k, w, start, scale) => ops.indexScores(rounded(q, f16), k, w, start, scale),
    latentAttention: (qLatent, qPe, past, topK, scale) =>
      ops.latentAttention(rounded(qLatent, f16), rounded(qPe, f16), past, topK, scale),
  };
}

/** All weights in bf16 but the router's bias, which no engine may round. */
function withBf16Weights(ops: Ops): Ops {
  const rounded = (raw: RawTensor) => encodeF32(raw.shape, decode(raw).map(bf16));
  return {
    ...ops,
    place: (dims, shape, raw) => {
      const isBias = String(dims) === "E";
      return ops.place(dims, shape, isBias ? raw : rounded(raw));
    },
  };
}
