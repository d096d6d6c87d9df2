/** Bugs of the index keys' cache and of the choice of rows. */
import type { Model } from "../../../engine/model/model.ts";
import { keyAddress } from "../../../engine/ops/stored-rows.ts";
import { type Mutant, withConfig, withOps } from "./mutant.ts";
import { largestFirst, topKBy } from "./wrong-ops.ts";

/** Sets the index keys at some positions to zero, as if they had not been written, or were lost. */
const withoutKeys = (isGone: (right: Model) => (start: number, nT: number, s: number) => boolean) =>
  withOps((ops, right) => {
    const gone = isGone(right);
    return {
      indexScores: (q, keys, w, start, scale) => {
        const bytes = new Uint8Array(keys.view.buffer).slice();
        for (let s = 0; s < keys.nS; s++) {
          const at = keyAddress(keys, s);
          if (gone(start, q.shape[0], s)) bytes.fill(0, at, at + keys.stride);
        }
        return ops.indexScores(q, { ...keys, view: new DataView(bytes.buffer) }, w, start, scale);
      },
    };
  });

export const selectionMutants: readonly Mutant[] = [
  {
    bug: "G20",
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
    bug: "G23",
    what: "a prefill no longer than index_topk writes no index keys",
    golden: "tiny-all",
    stage: "indexer_score-0",
    chunk: 4,
    change: withoutKeys(({ config }) => {
      let written = 0; // from here on
      return (start, nT, s) => {
        if (start === 0 && nT <= config.indexTopk) written = nT;
        return s < written;
      };
    }),
  },
  {
    bug: "G24",
    what: "a step of several tokens forgets the index keys before it",
    golden: "tiny-all",
    stage: "indexer_score-0",
    chunk: 7,
    change: withoutKeys(() => {
      let lost = 0; // up to here
      return (start, nT, s) => {
        if (nT > 1) lost = start;
        return s < lost;
      };
    }),
  },
  {
    bug: "G27",
    what: "equal scores go to the larger position",
    isLegal: true,
    golden: "ties-one-head",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) =>
        visible.sort((a, b) => score(b) - score(a) || b - a).slice(0, k),
      ),
    })),
  },
  {
    bug: "G27",
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
    bug: "G27",
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
    bug: "G32",
    what: "index_topk is set so high that nothing is dropped",
    golden: "tiny-all",
    stage: "top_k-0",
    change: withConfig(() => ({ indexTopk: 32_768 })),
  },
  {
    bug: "D6",
    what: "the top-k chooses one row too few",
    golden: "tiny-all",
    stage: "top_k-0",
    change: withOps(() => ({
      topK: topKBy((visible, score, k) => largestFirst(visible, score, k - 1)),
    })),
  },
];
