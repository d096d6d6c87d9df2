/**
 * What no stage has: the votes of each head of an indexer, and a dense attention beside the choice.
 * @module
 */
import { storedKeys } from "../../../engine/ops/stored-rows.ts";
import { stageAt } from "../../../engine/trace/stage-names.ts";
import { attentionWeights } from "../../eval/attention-mass.ts";
import type { Dense, Votes } from "../messages.ts";
import type { Focus } from "./focus.ts";
import { flat } from "./look.ts";

/** The votes of all heads for all rows; undefined for a layer without an indexer. */
export function votesOf({ t, index }: Focus, layer: number): Votes | undefined {
  const call = index[layer];
  if (!call) return undefined;
  const { q, weights, keys, scale } = call;
  const { data } = storedKeys(keys);
  const { nWidth } = keys;
  const nS = t + 1;
  const votes = new Float32Array(weights.length * nS);
  weights.forEach((weight, h) => {
    for (let s = 0; s < nS; s++) {
      let dot = 0;
      for (let d = 0; d < nWidth; d++) dot += q[h * nWidth + d] * data[s * nWidth + d];
      votes[h * nS + s] = scale * weight * Math.max(0, dot);
    }
  });
  return { t, layer, heads: weights.length, votes };
}

/** The weights that a dense attention would have in one layer, and the mass on the choice in all. */
export function denseOf({ t, attention, stages }: Focus, layer: number): Dense {
  const all = Int32Array.from({ length: t + 1 }, (_, s) => s);
  let weights: readonly Float64Array[] = [];
  let lost: readonly number[] = [];
  const mass = attention.map(({ query, past }, l) => {
    const rows = attentionWeights(query, past, all);
    const chosen = new Set(stages.get(stageAt("top_k", l))?.data);
    if (l === layer) {
      weights = rows;
      lost = wanted(rows, chosen);
    }
    return Float32Array.from(rows, (row) =>
      row.reduce((sum, w, s) => sum + (chosen.has(s) ? w : 0), 0),
    );
  });
  return { t, layer, weights: flat(weights), mass, lost: Int32Array.from(lost) };
}

/** Of as many rows as are chosen, those with the largest mean weight that are not chosen; ascending. */
function wanted(rows: readonly Float64Array[], chosen: ReadonlySet<number>): number[] {
  const mean = rows[0].map((_, s) => rows.reduce((sum, row) => sum + row[s], 0) / rows.length);
  const order = Array.from(mean.keys()).sort((a, b) => mean[b] - mean[a] || a - b);
  return order
    .slice(0, [...chosen].filter((s) => s >= 0).length)
    .filter((s) => !chosen.has(s))
    .sort((a, b) => a - b);
}
