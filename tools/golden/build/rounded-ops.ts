/**
 * An engine in another number format: the right ops, whose results are rounded to the format.
 * @module
 */
import type { Ops } from "../../../engine/ops/ops.ts";

type AnyOp = (...args: readonly unknown[]) => unknown;

/** Ops that compute numbers. The others store, choose or read. */
const ROUNDED: readonly (keyof Ops)[] = [
  "embed",
  "linear",
  "perHead",
  "rmsNorm",
  "layerNorm",
  "ropeInterleaved",
  "latentAttention",
  "experts",
  "siluMul",
  "add",
];

/** `ops` whose results are rounded by `round`. Scores and routing stay as exact as `ops`. */
export function roundedOps(ops: Ops, round: (x: number) => number): Ops {
  const changed = ROUNDED.map((name) => {
    const op = ops[name] as AnyOp;
    const rounded: AnyOp = (...args) => {
      const y = op(...args) as { readonly data: Float32Array };
      return { ...y, data: y.data.map(round) };
    };
    return [name, rounded];
  });
  return { ...ops, ...Object.fromEntries(changed) };
}
