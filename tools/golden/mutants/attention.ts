/** Bugs of the attention and of what is shared between layers. */

import type { Indices } from "../../../engine/base/tensor.ts";
import type { LatentRows, Ops } from "../../../engine/ops/ops.ts";
import { type Mutant, withConfig, withOps } from "./mutant.ts";
import { halfSplitRope, type Selection, visibleRows } from "./wrong-ops.ts";

const isIndexer = (dims: readonly string[]): boolean => dims[1] === "idxH";

/** Rotates the attention's own queries and keys by another rope than the indexer's. */
const withAttentionRope = (rope: (ops: Ops) => Ops["ropeInterleaved"]) =>
  withOps((ops) => {
    let inAttention = true;
    return {
      ropeInterleaved: (x, table) => {
        if (x.dims.length === 3) inAttention = !isIndexer(x.dims);
        return inAttention ? rope(ops)(x, table) : ops.ropeInterleaved(x, table);
      },
    };
  });

/**
 * Changes the rows of layers that borrow their rows from another layer.
 *
 * @param rows gets the choices made so far, of which the last is the borrowed one
 */
const withBorrowed = (
  rows: (history: readonly Indices[], past: LatentRows) => Selection | Indices,
) =>
  withOps((ops) => {
    const history: Indices[] = [];
    return {
      latentAttention: (qLatent, qPe, past, topK, scale) => {
        const borrowed = topK === history.at(-1);
        if (!borrowed) history.push(topK);
        const used = borrowed ? { ...topK, ...rows(history, past), dims: topK.dims } : topK;
        return ops.latentAttention(qLatent, qPe, past, used as typeof topK, scale);
      },
    };
  });

const withScale = (scale: (right: number, nLatent: number, nRope: number) => number) =>
  withOps((ops) => ({
    latentAttention: (qLatent, qPe, past, topK, right) =>
      ops.latentAttention(qLatent, qPe, past, topK, scale(right, qLatent.shape[2], qPe.shape[2])),
  }));

export const attentionMutants: readonly Mutant[] = [
  {
    bug: "G13",
    what: "the attention rotates halves instead of neighbours",
    golden: "tiny-all",
    stage: "q_pe-0",
    change: withAttentionRope(() => halfSplitRope),
  },
  {
    bug: "D6",
    what: "the attention rotates the other way round",
    golden: "tiny-all",
    stage: "q_pe-0",
    change: withAttentionRope(
      (ops) => (x, table) => ops.ropeInterleaved(x, { ...table, sin: table.sin.map((s) => -s) }),
    ),
  },
  {
    bug: "G17",
    what: "the latent norms use rms_norm_eps (1e-5) where the checkpoint means 1e-6",
    golden: "eps-visible",
    stage: "qr-0",
    change: withConfig((c) => ({ latentNormEps: c.rmsNormEps })),
  },
  {
    bug: "D6",
    what: "all other norms use 1e-6 instead of 1e-5",
    golden: "eps-visible",
    stage: "attn_norm-0",
    change: withConfig(() => ({ rmsNormEps: 1e-6 })),
  },
  {
    bug: "G19",
    what: "the softmax scale counts the absorbed width (latent + rope)",
    golden: "tiny-all",
    stage: "attn_out-0",
    change: withScale((_right, nLatent, nRope) => (nLatent + nRope) ** -0.5),
  },
  {
    bug: "G19",
    what: "the softmax scale leaves the rope width out",
    golden: "tiny-all",
    stage: "attn_out-0",
    change: withScale((right, _nLatent, nRope) => (right ** -2 - nRope) ** -0.5),
  },
  {
    bug: "G20",
    what: "an empty place (−1) of a short row is read as row 0",
    golden: "tiny-all",
    stage: "attn_out-0",
    change: withOps((ops) => ({
      latentAttention: (qLatent, qPe, past, topK, scale) => {
        const data = topK.data.map((s) => Math.max(s, 0));
        return ops.latentAttention(qLatent, qPe, past, { ...topK, data }, scale);
      },
    })),
  },
  {
    bug: "G01",
    what: "head_dim of the file (the nope width) scales the attention",
    golden: "tiny-all",
    stage: "attn_out-0",
    change: withConfig((c) => ({ qkHeadDim: c.qkNopeHeadDim })),
  },
  {
    bug: "G03",
    what: "rope_theta is not found and becomes 10000",
    golden: "tiny-all",
    stage: "indexer_q-0",
    change: withConfig(() => ({ ropeTheta: 10_000 })),
  },
  {
    bug: "G22",
    what: "shared layers attend to every row",
    golden: "tiny-all",
    stage: "attn_out-2",
    change: withBorrowed((history, past) => visibleRows(history.at(-1) as Indices, past.nS)),
  },
  {
    bug: "G22",
    what: "shared layers attend to the rows chosen in the step before",
    golden: "tiny-all",
    stage: "attn_out-2",
    chunk: 1,
    change: (right) => {
      const nFull = right.config.indexerTypes.filter((type) => type === "full").length;
      return withBorrowed((history) => history.at(-1 - nFull) ?? (history.at(-1) as Indices))(
        right,
      );
    },
  },
  {
    bug: "G31",
    what: "a pipeline stage that begins with a shared layer has no choice to borrow and sees every row",
    golden: "tiny-all",
    stage: "attn_out-4",
    change: (right) => {
      const begin = right.config.indexerTypes.lastIndexOf("shared");
      const { attn } = [...right.weights.layers][begin] ?? {};
      let layer = -1;
      return withOps((ops) => ({
        perHead: (x, w) => {
          if (w === attn?.kUp) layer = begin;
          return ops.perHead(x, w);
        },
        latentAttention: (qLatent, qPe, past, topK, scale) => {
          const isBegin = layer === begin;
          layer = -1;
          const used = isBegin ? { ...topK, ...visibleRows(topK, past.nS) } : topK;
          return ops.latentAttention(qLatent, qPe, past, used, scale);
        },
      }))(right);
    },
  },
  {
    bug: "D6",
    what: "shared layers borrow from the last full layer but one",
    golden: "tiny-all",
    stage: "attn_out-2",
    change: withBorrowed((history) => {
      const last = history.at(-1) as Indices;
      return history.slice(0, -1).findLast((rows) => rows.shape[0] === last.shape[0]) ?? last;
    }),
  },
];
