/**
 * Both halves of kv_b_proj, cut out of the stored matrix in another way.
 * @module
 */
import type { Weight } from "../../../../engine/base/tensor.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import {
  type At,
  type Change,
  type Variant,
  weightLike,
  weightOf,
  withWeight,
} from "../variant.ts";

/** Both halves of kv_b_proj, cut out of the whole matrix in a wrong way. */
function wrongKvB(
  at: At,
  cut: (h: number, part: "k" | "v", i: number, nope: number, v: number, nH: number) => number,
): Weight {
  const own = weightOf(at);
  const isKey = at.role === "kUp";
  const { attn } = [...at.model.weights.layers, at.model.weights.mtp?.layer][at.layer] ?? {};
  if (!attn) return own;
  const [nH, nLatent, nope] = attn.kUp.shape;
  const v = attn.vUp.shape[1];
  const [kUp, vUp] = [floatsOf(attn.kUp), floatsOf(attn.vUp)];
  // The matrix as it is stored: for each head its key rows, then its value rows.
  const stored = (row: number, c: number): number => {
    const h = Math.floor(row / (nope + v));
    const i = row % (nope + v);
    return i < nope ? kUp[(h * nLatent + c) * nope + i] : vUp[(h * v + i - nope) * nLatent + c];
  };
  const values = new Float64Array(own.shape[0] * own.shape[1] * own.shape[2]);
  const n = isKey ? nope : v;
  for (let h = 0; h < nH; h++) {
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < nLatent; c++) {
        const x = stored(cut(h, isKey ? "k" : "v", i, nope, v, nH), c);
        values[isKey ? (h * nLatent + c) * nope + i : (h * v + i) * nLatent + c] = x;
      }
    }
  }
  return weightLike(at.model, own, values);
}

type Cut = Parameters<typeof wrongKvB>[1];

const CUTS: readonly (readonly [what: string, cut: Cut])[] = [
  [
    "takes the value rows of each head first, then the key rows",
    (h, part, i, nope, v) => h * (nope + v) + (part === "v" ? i : v + i),
  ],
  [
    "takes all heads' key rows before all value rows",
    (h, part, i, nope, v, nH) => (part === "k" ? h * nope + i : nH * nope + h * v + i),
  ],
  [
    "takes all heads' value rows before all key rows",
    (h, part, i, nope, v, nH) => (part === "v" ? h * v + i : nH * v + h * nope + i),
  ],
  [
    "takes key and value rows of each head in turns",
    (h, part, i, nope, v) =>
      h * (nope + v) + Math.min(nope + v - 1, 2 * i + (part === "v" ? 1 : 0)),
  ],
  [
    "takes the heads in reversed order",
    (h, part, i, nope, v, nH) => (nH - 1 - h) * (nope + v) + (part === "k" ? i : nope + i),
  ],
];

export const kvBVariants: readonly Variant[] = CUTS.map(([what, cut]) => {
  const change: Change = (at) => withWeight(at, wrongKvB(at, cut));
  return { relation: "order", what: `kv_b_proj ${what}`, changes: { kUp: change, vUp: change } };
});
