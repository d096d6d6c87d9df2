/** Bugs of the index keys' cache and of the choice of rows. */
import type { Ops } from "../../../engine/ops/ops.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { type Mutant, withConfig, withOps } from "./mutant.ts";
import { largestFirst, topKBy } from "./wrong-ops.ts";

/** Does something to the index keys before they are written. */
const withKeyWrite = (write: (ops: Ops, ...args: Parameters<Ops["writeRows"]>) => void) =>
  withOps((ops) => ({
    writeRows: (rows, start, x) => {
      if (rows.width === "rope+idxNope") write(ops, rows, start, x as Tensor<[string, string]>);
      else ops.writeRows(rows, start, x);
    },
  }));

export const selectionMutants: readonly Mutant[] = [
  {
    id: "G20",
    what: "short rows are filled with positions that are masked",
    golden: "tiny-all",
    stage: "top_k-0",
    change: withOps((ops) => ({
      topK: (scores, k) => {
        const chosen = ops.topK(scores, k);
        const nK = chosen.shape[1];
        return { ...chosen, data: chosen.data.map((s, i) => (s < 0 ? i % nK : s)) };
      },
    })),
  },
  {
    id: "G23",
    what: "a prefill no longer than index_topk writes no index keys",
    golden: "tiny-all",
    stage: "indexer_score-0",
    chunk: 4,
    change: (right) =>
      withKeyWrite((ops, rows, start, x) => {
        if (start + x.shape[0] > right.config.indexTopk) ops.writeRows(rows, start, x);
      })(right),
  },
  {
    id: "G24",
    what: "a step of several tokens forgets the index keys before it",
    golden: "tiny-all",
    stage: "indexer_score-0",
    chunk: 7,
    change: withKeyWrite((ops, rows, start, x) => {
      if (x.shape[0] > 1 && start > 0) {
        const nothing = new Float64Array(start * rows.nWidth);
        ops.writeRows(rows, 0, ops.tensor(["T", rows.width], [start, rows.nWidth], nothing));
      }
      ops.writeRows(rows, start, x);
    }),
  },
  {
    id: "G27",
    what: "equal scores go to the larger position",
    golden: "ties-one-head",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) =>
        visible.sort((a, b) => score(b) - score(a) || b - a).slice(0, k),
      ),
    })),
  },
  {
    id: "G27",
    what: "scores equal to the last chosen one are all dropped",
    golden: "ties-one-head",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) => {
        const ranked = largestFirst(visible, score, k);
        return ranked.filter((s) => score(s) > score(ranked[ranked.length - 1]));
      }),
    })),
  },
  {
    id: "G27",
    what: "scores of exactly zero are never chosen",
    golden: "ties-one-head",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) =>
        largestFirst(visible, score, k).filter((s) => score(s) !== 0),
      ),
    })),
  },
  {
    id: "G32",
    what: "index_topk is set so high that nothing is dropped",
    golden: "tiny-all",
    stage: "top_k-0",
    change: withConfig(() => ({ indexTopk: 32_768 })),
  },
  {
    id: "D6",
    what: "the top-k chooses one row too few",
    golden: "tiny-all",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) => largestFirst(visible, score, k - 1)),
    })),
  },
];
