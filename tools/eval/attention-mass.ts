/**
 * Measures how good the selected positions of an attention are: the share of the softmax weights of
 * a dense attention, over all positions, that lies on the selected ones. Shared layers reuse the
 * selection of another layer, and this number says how well it suits them.
 *
 * Next: observe.ts
 * @module
 */
import type { Indices, Ops, Tensor } from "../../engine/index.ts";
import { decode } from "../../engine/numbers/row-encoding.ts";
import type { LatentRows } from "../../engine/ops/ops.ts";

/** The attention mass of the last query of one call of `latentAttention`. */
export interface Mass {
  /** The number of the call, counted from 0. */
  readonly call: number;
  /** Share of all softmax weights that lies on the selected positions; mean over heads. */
  readonly share: number;
}

/** The same ops, except that each call of `latentAttention` also reports its {@link Mass}. */
export function watchMass(ops: Ops, onMass: (mass: Mass) => void): Ops {
  let call = 0;
  return {
    ...ops,
    latentAttention: (q, qPe, past, topK, scale) => {
      onMass({ call: call++, share: chosenMass(ops.read(q), ops.read(qPe), q, past, topK, scale) });
      return ops.latentAttention(q, qPe, past, topK, scale);
    },
  };
}

/** Computes {@link Mass.share}. The last query sees all positions that are in the cache. */
function chosenMass(
  q: ArrayLike<number>,
  qPe: ArrayLike<number>,
  { shape: [nT, nHeads, nLatent] }: Tensor<[string, "H", "kvLora"]>,
  past: LatentRows,
  topK: Indices<[string, "K"]>,
  scale: number,
): number {
  const { nS, nRope } = past;
  const rows = allRows(past);
  const width = nLatent + nRope;
  const nK = topK.shape[1];
  const chosen = topK.data.slice((nT - 1) * nK, nT * nK).filter((s) => s >= 0);
  let sum = 0;
  for (let h = 0; h < nHeads; h++) {
    const at = (nT - 1) * nHeads + h;
    const logits = new Float64Array(nS);
    for (let s = 0; s < nS; s++) {
      let dot = 0;
      for (let c = 0; c < nLatent; c++) dot += q[at * nLatent + c] * rows[s * width + c];
      for (let r = 0; r < nRope; r++) dot += qPe[at * nRope + r] * rows[s * width + nLatent + r];
      logits[s] = dot * scale;
    }
    const most = logits.reduce((a, b) => Math.max(a, b));
    const weights = logits.map((x) => Math.exp(x - most));
    const all = weights.reduce((a, b) => a + b);
    sum += chosen.reduce((part, s) => part + weights[s], 0) / all;
  }
  return sum / nHeads;
}

/** Decodes the latents and rotary keys of all positions. */
function allRows(past: LatentRows): Float64Array {
  const { nS, nLatent, nRope } = past;
  const addresses = new Uint32Array(nS);
  const data = Int32Array.from({ length: nS }, (_, s) => s);
  past.bringIn({ dims: ["T", "K"], shape: [1, nS], data }, 0, addresses);
  const rows = new Float64Array(nS * (nLatent + nRope));
  addresses.forEach((address, s) => {
    const to = s * (nLatent + nRope);
    decode(past.latentEncoding, past.view, address, nLatent, rows, to);
    decode(past.kPeEncoding, past.view, address + past.kPeAt, nRope, rows, to + nLatent);
  });
  return rows;
}
