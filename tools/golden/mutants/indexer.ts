/** Bugs of the indexer: its norms, its rotation, its scores, and which layers have one. */

import type { Tensor } from "../../../engine/base/tensor.ts";
import type { IndexerType } from "../../../engine/config/model-config.ts";
import type { Model } from "../../../engine/model/model.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { type Mutant, withOps } from "./mutant.ts";
import { columnsOf, halfSplitRope, mapped, scoresBy } from "./wrong-ops.ts";

const withScores = (scores: (ops: Ops) => Ops["indexScores"]) =>
  withOps((ops) => ({ indexScores: scores(ops) }));

const withWeights = (change: (row: number[]) => number[]) =>
  withScores((ops) => (q, k, w, start, scale) => {
    const nH = w.shape[1];
    const data = w.data.slice();
    for (let at = 0; at < data.length; at += nH) {
      data.set(change([...data.subarray(at, at + nH)]), at);
    }
    return ops.indexScores(q, k, { ...w, data }, start, scale);
  });

const softmax = (row: number[]): number[] => {
  const e = row.map(Math.exp);
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
};

const withKeyNorm = (norm: (ops: Ops) => Ops["layerNorm"]) =>
  withOps((ops) => ({ layerNorm: norm(ops) }));

/** Layer `l` gets the indexer of layer `from[l]`, or none. */
export const withIndexers =
  (sources: (types: readonly IndexerType[]) => readonly (number | undefined)[]) =>
  (right: Model): Model => {
    const layers = [...right.weights.layers];
    const from = sources(right.config.indexerTypes);
    const indexerTypes = from.map((l): IndexerType => (l === undefined ? "shared" : "full"));
    return {
      ...right,
      config: { ...right.config, indexerTypes },
      weights: {
        ...right.weights,
        layers: layers.map((layer, l) => {
          const source = from[l];
          return {
            ...layer,
            indexer: source === undefined ? undefined : layers[source].indexer,
          };
        }),
      },
    };
  };

export const indexerMutants: readonly Mutant[] = [
  {
    bug: "G05",
    what: "a shared layer has an indexer of its own",
    golden: "tiny-all",
    stage: "top_k-2",
    change: withIndexers((types) => {
      const first = types.indexOf("shared");
      return types.map((type, l) => {
        if (l === first) return types.lastIndexOf("full", l);
        return type === "full" ? l : undefined;
      });
    }),
  },
  {
    bug: "G04",
    what: "the schedule is off by one layer (D6: off-by-one layer group)",
    golden: "tiny-all",
    stage: "top_k-2",
    change: withIndexers((types) =>
      types.map((type, l) => {
        if (type === "shared") return types[l + 1] === "full" ? l + 1 : undefined;
        return types[l - 1] === "shared" ? undefined : l;
      }),
    ),
  },
  {
    bug: "G10",
    what: "k_norm is an RMSNorm: no mean, no bias",
    golden: "tiny-all",
    stage: "indexer_k-0",
    change: withKeyNorm((ops) => (x, gain, _bias, eps) => ops.rmsNorm(x, gain, eps)),
  },
  {
    bug: "G10",
    what: "k_norm has no bias",
    golden: "tiny-all",
    stage: "indexer_k-0",
    change: withKeyNorm((ops) => (x, gain, bias, eps) => {
      const zeros = Float32Array.from({ length: bias.shape[0] }, () => 0);
      const raw = { dtype: "F32" as const, shape: bias.shape, bytes: new Uint8Array(zeros.buffer) };
      return ops.layerNorm(x, gain, ops.place<typeof bias.dims>(bias.dims, bias.shape, raw), eps);
    }),
  },
  {
    bug: "G18",
    what: "the eps of k_norm is 1e-5",
    golden: "eps-visible",
    stage: "indexer_score-0",
    change: withKeyNorm((ops) => (x, gain, bias) => ops.layerNorm(x, gain, bias, 1e-5)),
  },
  {
    bug: "G18",
    what: "the eps of k_norm is 0",
    golden: "eps-visible",
    stage: "indexer_score-0",
    change: withKeyNorm((ops) => (x, gain, bias) => ops.layerNorm(x, gain, bias, 0)),
  },
  {
    bug: "G12",
    what: "tokens with the pad id are masked, though pad is an eos id",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withOps((ops) => {
      let tokens: Int32Array = new Int32Array();
      return {
        embed: (ids, table) => {
          tokens = ids;
          return ops.embed(ids, table);
        },
        indexScores: (...args) =>
          mapped(ops.indexScores(...args), (x, s) => (tokens[s] === 1 ? -Infinity : x)),
      };
    }),
  },
  {
    bug: "G14",
    what: "the indexer rotates halves instead of neighbours",
    golden: "tiny-all",
    stage: "indexer_q-0",
    change: withOps((ops) => {
      let inIndexer = false;
      return {
        ropeInterleaved: (x, table) => {
          if (x.dims.length === 3) inIndexer = x.dims[1] === "idxH";
          return inIndexer ? halfSplitRope(x, table) : ops.ropeInterleaved(x, table);
        },
      };
    }),
  },
  {
    bug: "G15",
    what: "the indexer's rotary channels are taken from the end (D6: swapped rope halves)",
    golden: "tiny-all",
    stage: "indexer_q-0",
    change: withOps((ops) => ({
      splitEach: (x, a, nA, b) => {
        if (String(b) !== "idxNope") return ops.splitEach(x, a, nA, b);
        const nC = x.shape[2];
        const turned = { ...x, data: lastColumnsFirst(x, nA) };
        return ops.splitEach(nC > nA ? turned : x, a, nA, b);
      },
    })),
  },
  {
    bug: "G16",
    what: "the indexer's query is made before q_a_layernorm",
    golden: "tiny-all",
    stage: "indexer_q-0",
    change: withOps((ops) => {
      let raw: Tensor | undefined;
      return {
        rmsNorm: (x, gain, eps) => {
          if (String(x.dims[1]) === "qLora") raw = x;
          return ops.rmsNorm(x, gain, eps);
        },
        linear: (x, w) =>
          ops.linear(
            String(w.dims[0]) === "idxH*rope+idxNope" ? ({ ...x, data: raw?.data } as typeof x) : x,
            w,
          ),
      };
    }),
  },
  {
    bug: "D6",
    what: "the scores lack the ReLU",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withScores(() => scoresBy((w, dot) => w * dot)),
  },
  {
    bug: "D6",
    what: "the scores lack the factor index_head_dim^-1/2",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withScores(
      (ops) => (q, k, w, start, scale) =>
        ops.indexScores(q, k, w, start, scale * Math.sqrt(q.shape[2])),
    ),
  },
  {
    bug: "G28",
    what: "negative head weights lose their sign",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withWeights((row) => row.map(Math.abs)),
  },
  {
    bug: "G28",
    what: "negative head weights are cut at zero",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withWeights((row) => row.map((w) => Math.max(w, 0))),
  },
  {
    bug: "G28",
    what: "head weights go through a softmax",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withWeights(softmax),
  },
  {
    bug: "G21",
    what: "a causal mask of ones and zeros is added instead of applied",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withScores(
      (ops) => (q, k, w, start, scale) =>
        mapped(ops.indexScores(q, k, w, k.nS, scale), (x, s, t) => x + (s > start + t ? 1 : 0)),
    ),
  },
  {
    bug: "G20",
    what: "a query may see one position after its own",
    golden: "tiny-all",
    stage: "indexer_score-0",
    change: withScores(
      (ops) => (q, k, w, start, scale) => ops.indexScores(q, k, w, start + 1, scale),
    ),
  },
];

/** Rows with their last `n` channels moved to the front. */
function lastColumnsFirst(x: Tensor, n: number): Tensor["data"] {
  const nC = x.shape[x.shape.length - 1];
  const [head, tail] = [columnsOf(x, 0, nC - n), columnsOf(x, nC - n, nC)];
  return x.data.map((_, i) => {
    const [row, c] = [Math.floor(i / nC), i % nC];
    return c < n ? tail[row * n + c] : head[row * (nC - n) + c - n];
  });
}
