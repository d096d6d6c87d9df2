/**
 * Multi-head latent attention without absorption, as in the DeepSeek-V2 report: every cached latent
 * is expanded into a key and a value for each head. It is slow; tests compare the engine with it.
 * @module
 */

import type { Indices, Tensor } from "../../engine/base/tensor.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import type { AttentionWeights } from "../../engine/model/weights.ts";
import type { LatentRows } from "../../engine/ops/ops.ts";
import { floatsOf } from "../../engine/ops/reference/memory.ts";
import { storedLatents } from "../../engine/ops/stored-rows.ts";

/** The key or value of one head for one position. */
type Vector = readonly number[];

/**
 * Returns the output of the attention before `o_proj`, `[T, H*v]`.
 *
 * `k[s,h] = (W^UK_h c_s | k_pe[s])`, `v[s,h] = W^UV_h c_s`,
 * `y[t,h] = Σ_s softmax_s(q[t,h] · k[s,h] / √(nope + rope)) · v[s,h]`
 */
export function naiveMla(
  cfg: ModelConfig,
  w: Pick<AttentionWeights, "kUp" | "vUp">,
  qNope: Tensor<["T", "H", "nope"]>,
  qPe: Tensor<["T", "H", "rope"]>,
  past: LatentRows,
  rows: Indices<["T", "K"]>,
): number[] {
  const { qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim: v, kvLoraRank: nC } = cfg;
  const stored = storedLatents(past);
  const kUp = floatsOf(w.kUp);
  const vUp = floatsOf(w.vUp);
  const latent = (s: number): Vector => row(stored.latent, s, nC);
  const key = (s: number, h: number): Vector => [
    ...indices(nope, (d) => dot(latent(s), (c) => kUp[(h * nC + c) * nope + d])),
    ...row(stored.kPe, s, rope),
  ];
  const value = (s: number, h: number): Vector =>
    indices(v, (d) => dot(latent(s), (c) => vUp[(h * v + d) * nC + c]));

  const [nT, nH] = qNope.shape;
  const nK = rows.shape[1];
  return indices(nT * nH, (th) => {
    const [t, h] = [Math.floor(th / nH), th % nH];
    const q = [...row(qNope, th, nope), ...row(qPe, th, rope)];
    const seen = [...rows.data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0);
    const scores = seen.map((s) => {
      const k = key(s, h);
      return dot(q, (i) => k[i]) / Math.sqrt(nope + rope);
    });
    const max = Math.max(...scores);
    const p = scores.map((z) => Math.exp(z - max));
    const total = p.reduce((a, b) => a + b, 0);
    const values = seen.map((s) => value(s, h));
    return indices(v, (d) => dot(p, (i) => values[i][d]) / total);
  }).flat();
}

function indices<X>(n: number, make: (i: number) => X): X[] {
  return Array.from({ length: n }, (_, i) => make(i));
}

function row(x: Tensor, r: number, n: number): Vector {
  return [...x.data.subarray(r * n, (r + 1) * n)];
}

function dot(x: Vector, y: (i: number) => number): number {
  return x.reduce((sum, value, i) => sum + value * y(i), 0);
}
