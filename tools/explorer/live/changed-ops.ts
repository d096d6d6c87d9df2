/**
 * Changes of single ops for the switches of the what-if scene, which know the layer by its number.
 *
 * The mutants of the golden pack serve a test of other engines, and some of them read the memory of the
 * reference. Where one works on every backend, switches.ts takes it; the others are here. They change
 * what an op is given, so that the fast backend goes on computing.
 *
 * Next: switches.ts
 * @module
 */
import type { Indices, Model, Ops, Tensor } from "../../../engine/index.ts";
import { NO_ROW } from "../../../engine/ops/no-row.ts";
import { visibleRows } from "../../golden/mutants/wrong-ops.ts";

/** The same model with some ops replaced. `layer` tells the layer that is computed. */
export function withLayerOps(
  change: (ops: Ops, layer: () => number, right: Model) => Partial<Ops>,
): (right: Model) => Model {
  return (right) => {
    const numbers = new Map<unknown, number>();
    let layer = 0;
    let l = 0;
    for (const { inputNorm } of right.weights.layers) numbers.set(inputNorm, l++);
    if (right.weights.mtp) numbers.set(right.weights.mtp.layer.inputNorm, l);
    const { ops } = right;
    return {
      ...right,
      ops: {
        ...ops,
        // Each layer begins with the norm of its input.
        rmsNorm: (x, gain, eps) => {
          layer = numbers.get(gain) ?? layer;
          return ops.rmsNorm(x, gain, eps);
        },
        ...change(ops, () => layer, right),
      },
    };
  };
}

/** Chooses by position alone: `first` of all visible rows the first ones, else the newest ones. */
export function byPosition(isFirst: boolean): (right: Model) => Model {
  return withLayerOps((ops) => {
    let start = 0;
    return {
      indexScores: (...args) => {
        start = args[3];
        return ops.indexScores(...args);
      },
      topK: ({ dims, shape: [nT, nS] }, k) => {
        const nK = Math.min(k, nS);
        const data = new Int32Array(nT * nK).fill(NO_ROW);
        for (let t = 0; t < nT; t++) {
          const visible = Math.min(nS, start + t + 1);
          const from = isFirst ? 0 : Math.max(0, visible - nK);
          for (let i = 0; i < Math.min(nK, visible); i++) data[t * nK + i] = from + i;
        }
        return { dims: [dims[0], "K"], shape: [nT, nK], data };
      },
    };
  });
}

/** Layers that borrow a choice attend to every row instead. */
export const borrowersSeeAll: (right: Model) => Model = withLayerOps(
  (ops, layer, { config: { indexerTypes } }) => ({
    latentAttention: (q, qPe, past, topK, scale) => {
      const isBorrowed = indexerTypes[layer()] === "shared";
      const rows = isBorrowed ? { ...topK, ...visibleRows(topK as Indices, past.nS) } : topK;
      return ops.latentAttention(q, qPe, past, rows, scale);
    },
  }),
);

/**
 * Scores without the ReLU. Their sum over the heads is the score of one head, whose query is the weighted
 * sum of all: `Σ_j w_j (q_j · k) = (Σ_j w_j q_j) · k`. The kernels have a ReLU, so this head votes once for
 * the key and once, turned around, against it: `relu(x) − relu(−x) = x`.
 */
export const withoutRelu: (right: Model) => Model = withLayerOps((ops) => ({
  indexScores: (q, keys, w, start, scale) => {
    const [nT, nH, nD] = q.shape;
    const both = new Float32Array(nT * 2 * nD);
    const signs = new Float32Array(nT * 2);
    for (let t = 0; t < nT; t++) {
      signs.set([1, -1], t * 2);
      for (let d = 0; d < nD; d++) {
        let sum = 0;
        for (let h = 0; h < nH; h++) sum += w.data[t * nH + h] * q.data[(t * nH + h) * nD + d];
        both[t * 2 * nD + d] = sum;
        both[(t * 2 + 1) * nD + d] = -sum;
      }
    }
    const like = <X extends Tensor>(x: X, shape: readonly number[], data: Float32Array): X =>
      ops.tensor(x.dims, shape as X["shape"], data) as X;
    const sums = like(q, [nT, 2, nD], both);
    return ops.indexScores(sums, keys, like(w, [nT, 2], signs), start, scale);
  },
}));

/** Experts are chosen without the bias that balances them. */
export const withoutBias: (right: Model) => Model = withLayerOps((ops) => {
  let zeros: Parameters<Ops["route"]>[1] | undefined;
  return {
    route: (logits, bias, rule) => {
      zeros ??= ops.place(["E"], bias.shape, {
        dtype: "F32",
        shape: bias.shape,
        bytes: new Uint8Array(Float32Array.BYTES_PER_ELEMENT * bias.shape[0]),
      });
      return ops.route(logits, zeros, rule);
    },
  };
});

/** How many rows a query may attend to. */
export const withTopk =
  (indexTopk: number) =>
  (right: Model): Model => ({ ...right, config: { ...right.config, indexTopk } });
