/**
 * Engines that compute in another arithmetic than float64. They are made of the reference: numbers are
 * rounded where such an engine rounds them, and sums are taken in another order.
 *
 * Next: envelope.ts
 * @module
 */

import { type Ops, referenceOps } from "../../../engine/index.ts";
import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { bf16 } from "../case/rounding.ts";
import { expertsInF32, linearInF32 } from "./f32-sums.ts";
import { withCoarseCaches, withF16Attention, withF16Caches } from "./rounded-caches.ts";
import { roundedOps } from "./rounded-ops.ts";

/** Engines whose errors make up the envelope of a class. */
export function engines(kind: EngineClass): Ops[] {
  const f32 = [referenceOps("f32"), linearInF32("forward"), linearInF32("backward")];
  switch (kind) {
    case "f32":
      return [...f32, expertsInF32("forward"), expertsInF32("backward")];
    case "f16-cache":
      return f32.map(withF16Caches);
    case "f16-attention":
      return f32.map(withF16Attention);
    case "int8-cache":
      return f32.flatMap(withCoarseCaches);
    case "bf16":
      return f32.map((ops) => withBf16Weights(roundedOps(ops, bf16)));
    default:
      return kind satisfies never;
  }
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
