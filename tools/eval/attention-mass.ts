/**
 * Measures how good the selected positions of an attention are: the share of the softmax weights of
 * a dense attention, over all positions, that lies on the selected ones. Shared layers reuse the
 * selection of another layer, and this number says how well it suits them.
 *
 * Next: observe.ts
 * @module
 */
import type { Indices, Ops, Tensor } from "../../engine/index.ts";
import { exp } from "../../engine/numbers/math.ts";
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
  const nK = topK.shape[1];
  const chosen = topK.data.slice((nT - 1) * nK, nT * nK).filter((s) => s >= 0);
  const query = { nHeads, nLatent, q: lastOf(q, nT), qPe: lastOf(qPe, nT), scale };
  const all = Int32Array.from({ length: past.nS }, (_, s) => s);
  const weights = attentionWeights(query, past, all);
  const sum = weights.reduce(
    (total, row) => total + chosen.reduce((part, s) => part + row[s], 0),
    0,
  );
  return sum / nHeads;
}

/** The numbers of the last of `nT` equal parts. */
function lastOf(x: ArrayLike<number>, nT: number): Float64Array {
  const n = x.length / nT;
  return Float64Array.from({ length: n }, (_, i) => x[(nT - 1) * n + i]);
}

/** One query of all heads, as `latentAttention` gets it. */
export interface AttentionQuery {
  readonly nHeads: number;
  readonly nLatent: number;
  /** `[head, latent]` */
  readonly q: ArrayLike<number>;
  /** `[head, rope]` */
  readonly qPe: ArrayLike<number>;
  readonly scale: number;
}

/**
 * The softmax weights of each head over some rows, in their order. The weights of the chosen rows are those
 * with which `latentAttention` adds them; of all rows, those of a dense attention.
 */
export function attentionWeights(
  { nHeads, nLatent, q, qPe, scale }: AttentionQuery,
  past: LatentRows,
  positions: Int32Array,
): Float64Array[] {
  const { nRope } = past;
  const rows = decodedRows(past, positions);
  const width = nLatent + nRope;
  return Array.from({ length: nHeads }, (_, h) => {
    const logits = new Float64Array(positions.length);
    for (let i = 0; i < logits.length; i++) {
      let dot = 0;
      for (let c = 0; c < nLatent; c++) dot += q[h * nLatent + c] * rows[i * width + c];
      for (let r = 0; r < nRope; r++) dot += qPe[h * nRope + r] * rows[i * width + nLatent + r];
      logits[i] = dot * scale;
    }
    const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const weights = logits.map((x) => exp(x - most));
    const all = weights.reduce((a, b) => a + b, 0);
    return weights.map((x) => x / all);
  });
}

/** Decodes the latents and rotary keys of some positions. */
function decodedRows(past: LatentRows, positions: Int32Array): Float64Array {
  const { nLatent, nRope } = past;
  const addresses = new Uint32Array(positions.length);
  past.bringIn({ dims: ["T", "K"], shape: [1, positions.length], data: positions }, 0, addresses);
  const rows = new Float64Array(positions.length * (nLatent + nRope));
  addresses.forEach((address, i) => {
    const to = i * (nLatent + nRope);
    decode(past.latentEncoding, past.view, address, nLatent, rows, to);
    decode(past.kPeEncoding, past.view, address + past.kPeAt, nRope, rows, to + nLatent);
  });
  return rows;
}
